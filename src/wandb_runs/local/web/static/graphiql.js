// GraphiQL for this server: how it asks, and a key that is kept in memory alone.

const { React, ReactDOM, GraphiQL } = globalThis;

// GraphiQL makes a style sheet while a dialog is open; the page's policy lets it in by this nonce.
globalThis.__webpack_nonce__ = document.querySelector('meta[name="style-nonce"]').content;

const QUERY = `# Ctrl-Enter runs this, Ctrl-Space completes.
# wandb-runs local --sample has the project.

{
  project(entityName: "sample", name: "digits") {
    runCount
    runs(
      first: 3
      order: "-summary_metrics.accuracy"
    ) {
      edges {
        node {
          name
          displayName
          state
          summaryMetrics
        }
      }
    }
  }
}
`;

let key = null;
let asking = null;
let declined = false;

// Ask for a key, once however many requests need one; null where none is given.
function askForKey(message) {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("key-dialog");
    const input = document.getElementById("key");
    document.getElementById("key-message").textContent = message;
    document.getElementById("key-cancel").onclick = () => dialog.close("");
    dialog.querySelector("form").onsubmit = () => {
      key = input.value;
      dialog.returnValue = "given";
    };
    dialog.onclose = () => {
      input.value = "";
      asking = null;
      declined = dialog.returnValue !== "given";
      resolve(!declined);
    };
    dialog.returnValue = "";
    dialog.showModal();
  });
  return asking;
}

function authorization(text) {
  const bytes = new TextEncoder().encode(`api:${text}`);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

async function send(body) {
  return fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", ...(key === null ? {} : authorization(key)) },
    body,
    cache: "no-store",
    credentials: "omit",
    referrerPolicy: "no-referrer",
  });
}

async function fetcher(request) {
  const body = JSON.stringify(request);
  let used = key;
  let response = await send(body);
  let message = "This needs an API key of the server.";
  // GraphiQL asks for the schema several ways where one fails; a user is asked for a key once.
  const isDeclined = declined && request.operationName === "IntrospectionQuery";
  while (response.status === 401) {
    if (used !== null) message = "The server does not take this key.";
    if (key === used && (isDeclined || !(await askForKey(message)))) break;
    used = key;
    response = await send(body);
  }
  return response.json();
}

const home = React.createElement(
  GraphiQL.Logo,
  null,
  React.createElement("a", { className: "back", href: "/" }, "Projects"),
);

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(
    GraphiQL,
    {
      fetcher,
      defaultQuery: QUERY,
      isHeadersEditorEnabled: false,
      shouldPersistHeaders: false,
      showPersistHeadersSettings: false,
    },
    home,
  ),
);

// The fields of its editors are without names: a screen reader would say "edit text".
const NAMES = { "graphiql-query-editor": "Query", "graphiql-editor-tool": "Variables", "result-window": "Result" };

function nameFields() {
  for (const field of document.querySelectorAll(".CodeMirror textarea:not([aria-label])")) {
    const around = Object.keys(NAMES).find((each) => field.closest(`.${each}`));
    field.setAttribute("aria-label", NAMES[around] ?? "Editor");
  }
}

new MutationObserver(nameFields).observe(document.getElementById("graphiql"), { childList: true, subtree: true });
