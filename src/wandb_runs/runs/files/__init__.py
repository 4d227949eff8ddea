"""Files of runs: listed, downloaded, uploaded, deleted; flows apart from what runs them."""
