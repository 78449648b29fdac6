"""lib/README.md is the map: every header of lib/ has its line there, and every file the map names exists.

A section of the map starts with a heading that names its layer as `benchfs/<layer>/` or `<layer>/`; in it a file is
named by its path inside the layer (`task.hpp`, `ucx/worker.hpp`); a file of another layer by its layer and path.

Usage: check_map.py ROOT | --self-test
"""

import re
import sys

import tidy
from tidy import source_tree

FILE = re.compile(r"(?<![\w/.*<-])([\w./-]*\w)\.(?:\{?hpp|h)\b")


def sections(text):
    """{layer: text below its heading}."""
    found, layer = {}, None
    for line in text.splitlines():
        heading = re.match(r"#+ .*?(?:benchfs/)?(\w+)/", line)
        if line.startswith("#"):
            layer = heading[1] if heading else None
        elif layer:
            found[layer] = found.get(layer, "") + line + "\n"
    return found


def named_headers(library, layer, text):
    """Paths below lib/benchfs that the section names, without their suffix."""
    for match in FILE.finditer(text):
        name = match[1].removeprefix("lib/").removeprefix("benchfs/")
        first = name.split("/")[0]
        yield name if name != first and (library / first).is_dir() else f"{layer}/{name}"


def check(root):
    library = root / "lib" / "benchfs"
    map_file = root / "lib" / "README.md"
    if not map_file.is_file():
        yield "lib/README.md: the map of the library is missing"
        return
    headers = {p.relative_to(library).with_suffix("").as_posix()
               for p in source_tree.files(root, ("lib",), {".hpp", ".h"})}
    named = set()
    for layer, text in sections(source_tree.read(map_file)).items():
        if (library / layer).is_dir():
            named.update(named_headers(library, layer, text))
    for name in sorted(headers - named):
        yield f"lib/benchfs/{name}.hpp: has no line in lib/README.md"
    for name in sorted(named - headers):
        yield f"lib/README.md: names {name}.hpp, which does not exist"


MAP = "# Map\n\n## `benchfs/base/`\n\n- `errc.hpp .cpp`: codes\n- `gone.hpp`: was removed; see `transport/ucx/worker.{hpp,cpp}`\n\n## transport/\n\n" \
      "`ucx/worker.hpp` progress\n"
BAD = {
    "lib/README.md": MAP,
    "lib/benchfs/base/forgotten.hpp": "",
    "lib/benchfs/transport/worker.hpp": "", # not the ucx/worker.hpp of the map
}
GOOD = {"lib/benchfs/base/errc.hpp": "", "lib/benchfs/transport/ucx/worker.hpp": ""}

sys.exit(tidy.main(check, BAD, GOOD))
