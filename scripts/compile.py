"""Compile the packages of a function's image, whose files never change, for its first answer.

python3 -X no_debug_ranges scripts/compile.py FOLDER

A start reads this byte code over a network: it has no docstrings, a third of numpy's and a fifth of
FastAPI's, and no import looks at its sources. Run it with the image's own Python.
"""

import ast
import marshal
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path

UNCHECKED = (1).to_bytes(4, "little")  # by a hash that no import looks at: PEP 552


def compile_packages(folder: Path) -> None:
    """Compile every module below a folder. Raises SyntaxError for one that is none."""
    for path in folder.rglob("*.py"):
        source = path.read_bytes()
        tree = ast.parse(source, path)
        _remove_documentation(tree)
        code = compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)
        compiled = Path(cache_from_source(path))
        compiled.parent.mkdir(exist_ok=True)
        compiled.write_bytes(MAGIC_NUMBER + UNCHECKED + source_hash(source) + marshal.dumps(code))


def _remove_documentation(tree: ast.Module) -> None:
    """Remove docstrings, and what annotations say about a parameter (PEP 727)."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="Doc")):
                node.args = [ast.Constant("")]
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if ast.get_docstring(node, clean=False) is not None:
                    node.body = node.body[1:] or [ast.Pass()]


if __name__ == "__main__":
    compile_packages(Path(sys.argv[1]))
