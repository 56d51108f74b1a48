"""The documentation: built from the working tree, code cells executed, every warning an error.

    python -m sphinx -W --keep-going -b html docs docs/_build/html

``DOCS_EXECUTE=off`` in the environment builds the prose without running the cells.
"""

import importlib
import inspect
import json
import os
import pkgutil
import re
import shutil
import sys
from pathlib import Path

from docutils.statemachine import StringList
from sphinx.ext.autosummary import Autosummary
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

HERE = Path(__file__).parent
ROOT = HERE.parent
# the kernels of the code cells are other processes: they find the working tree through the environment
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

# progress bars of tqdm ask for ipywidgets in every kernel, and the pages show none
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"

import modelcollapse  # noqa: E402

project = "modelcollapse"
author = "The modelcollapse developers"
copyright = f"2026, {author}"
version = release = modelcollapse.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinxcontrib.bibtex",
]
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]
root_doc = "index"
default_role = "py:obj"

# pages: Markdown with executed cells
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "tasklist"]
myst_heading_anchors = 3
nb_execution_mode = os.environ.get("DOCS_EXECUTE", "force")
nb_execution_timeout = 120
if nb_execution_mode == "off":
    suppress_warnings = ["myst-nb.lexer"]  # the kernel would have said that it is Python
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "remove-warn"  # a cell that warns fails the build, like a page that does
nb_execution_excludepatterns = ["**/_build/**"]

# reference: essays and docstrings come from the source
autodoc_default_options = {"member-order": "bysource"}
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

bibtex_bibfiles = ["refs.bib"]
bibtex_default_style = "alpha"
bibtex_reference_style = "author_year"

html_theme = "furo"
html_title = f"modelcollapse {release}"
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["_static"]
html_css_files = ["solution.css"]

log = logging.getLogger(__name__)


def rooms():
    """Return the modules whose ``__all__`` is public: the package and everything in it without an underscore."""
    names = [m.name for m in pkgutil.iter_modules(modelcollapse.__path__) if not m.name.startswith("_")]
    modules = [modelcollapse, *(importlib.import_module(f"modelcollapse.{name}") for name in names)]
    return [module for module in modules if hasattr(module, "__all__")]


def home(module, name):
    """Return the name under which a public object is documented: that of its room."""
    thing = getattr(module, name)
    for room in rooms()[1:]:
        if name in room.__all__ and getattr(room, name) is thing:
            return f"{room.__name__}.{name}"
    if inspect.ismodule(thing):
        return thing.__name__
    return f"{thing.__module__}.{name}" if callable(thing) else f"{module.__name__}.{name}"


class Names(Autosummary):
    """A table of all public names of a module: ``.. names:: modelcollapse.metrics``."""

    has_content = False
    required_arguments = 1
    optional_arguments = 0

    def run(self):
        """Fill the table in from ``__all__``."""
        module = importlib.import_module(self.arguments[0])
        lines = [f"~{home(module, name)}" for name in module.__all__ if not name.startswith("_")]
        self.content = StringList(lines, source=module.__name__)
        self.options["nosignatures"] = None
        # the table stands inside the page of its own module; full names are wanted all the same
        current = self.env.ref_context.pop("py:module", None)
        try:
            return super().run()
        finally:
            if current is not None:
                self.env.ref_context["py:module"] = current


class Members(SphinxDirective):
    """The docstrings of all public names of a module: ``.. members:: modelcollapse.metrics``."""

    required_arguments = 1

    def run(self):
        """Write one autodoc directive for each name in ``__all__`` and let it do the work."""
        module = importlib.import_module(self.arguments[0])
        lines = []
        for name in module.__all__:
            thing = getattr(module, name)
            kind = "data"
            if inspect.isclass(thing):
                kind = "class"
            elif inspect.ismodule(thing):
                kind = "module"
            elif callable(thing):
                kind = "function"
            full = thing.__name__ if kind == "module" else f"{module.__name__}.{name}"
            lines += [f".. auto{kind}:: {full}", *(["   :members:"] if kind in ("class", "module") else []), ""]
        return self.parse_text_to_nodes("\n".join(lines))


def copy_notebooks(app):
    """Bring the notebooks under the source directory, where Sphinx looks for pages."""
    target = HERE / "notebooks"
    target.mkdir(exist_ok=True)
    wanted = {path.name: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    for stale in target.glob("*.ipynb"):
        if stale.name not in wanted:
            stale.unlink()
    for name, path in wanted.items():
        copy = target / name
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            shutil.copyfile(path, copy)


def write_claims(app):
    """Write the page of the atlas: the registry, with the verdicts of the last full verification."""
    from modelcollapse import claims
    from modelcollapse.claims.pages import markdown

    stored = json.loads((HERE / "verified.json").read_text(encoding="utf-8"))
    verified = {result["claim"]: result for result in stored}
    for id in claims.ATLAS:
        if id not in verified:
            log.warning("claim %s is missing: run modelcollapse verify --json > docs/verified.json", id)
    text = markdown(claims.ATLAS.values(), verified, "modelcollapse verify --json > docs/verified.json")
    page = HERE / "claims.md"
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


def undocumented(documented):
    """Return the public names that no page of the reference describes.

    `documented` are the full names the Python domain knows. A name counts as described if the object it stands for is,
    under whatever name: ``modelcollapse.Gaussian`` is ``modelcollapse.families.Gaussian``.
    """
    known = set()
    for full in documented:
        module, _, attribute = full.rpartition(".")
        try:
            known.add(id(getattr(importlib.import_module(module), attribute)))
        except (ImportError, AttributeError, ValueError):
            continue
    missing = []
    for module in rooms():
        for name in module.__all__:
            full = f"{module.__name__}.{name}"
            if name.startswith("_"):  # __version__ is on every page
                continue
            if full not in documented and id(getattr(module, name)) not in known:
                missing.append(full)
    return missing


def derivations():
    """Return where each name of `modelcollapse.theory` is derived: name -> label of the section that names it first."""
    found = {}
    for page in sorted((HERE / "theory").glob("*.md")):
        label = None
        for line in page.read_text(encoding="utf-8").splitlines():
            target = re.fullmatch(r"\((theory-[\w-]+)\)=", line)
            label = target[1] if target else label
            for name in re.findall(r"\{py:\w+\}`~?modelcollapse\.theory\.(\w+)`", line):
                if label:
                    found.setdefault(name, label)
    return found


def link_derivation(app, what, name, obj, options, lines):
    """Add to the docstring of a theory function the section of the text-book that derives it."""
    module, _, attribute = name.rpartition(".")
    label = DERIVED.get(attribute)
    if module == "modelcollapse.theory" and label:
        lines += ["", f"Derived in the text-book: :ref:`{label}`.", ""]


DERIVED = derivations()


def check_reference(app, env):
    """Warn (and so fail the build) where a public name is missing from the reference, or a formula has no chapter."""
    for name in undocumented(set(env.domains["py"].objects)):
        log.warning("public name %s appears nowhere in the reference", name)
    for name in modelcollapse.theory.__all__:
        if name not in DERIVED:
            log.warning("modelcollapse.theory.%s is derived in no chapter of docs/theory", name)


def setup(app):
    app.add_directive("names", Names)
    app.add_directive("members", Members)
    app.connect("builder-inited", copy_notebooks)
    app.connect("builder-inited", write_claims)
    app.connect("autodoc-process-docstring", link_derivation, priority=900)  # after numpydoc
    app.connect("env-check-consistency", check_reference)
