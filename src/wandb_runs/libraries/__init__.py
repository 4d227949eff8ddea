"""What signatures name of libraries that need not be installed, for type checkers alone.

Of a library that is absent, a name imported as usual is unknown to a checker; and then so is, for
pyright in its strict mode, each function with an overload that mentions it, for those as well who
call another overload. So each name stands for a class without anything where its library is absent.

Each checker takes another road to that. mypy keeps the first definition of a name, so that it must
not see the class at all; an unknown name in an overload that is not called does not trouble it.
pyright keeps the last definition that is not behind `except`, and a star finds no names in what is
absent. pyrefly merges the branches of `try`, and then sees the second star.
"""
