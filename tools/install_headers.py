#!/usr/bin/env python3
"""Run by `meson install`: copies the public headers to <prefix>/<includedir>/benchfs.

All headers of lib/ are public, because the umbrella header includes what it needs from every layer. A script, because
Meson would have to be told each header by name.
Usage: install_headers.py SOURCE_ROOT INCLUDEDIR
"""

import os
import pathlib
import shutil
import sys

source = pathlib.Path(sys.argv[1]) / "lib"
target = pathlib.Path(os.environ["MESON_INSTALL_DESTDIR_PREFIX"]) / sys.argv[2]

count = 0
for header in sorted((source / "benchfs").rglob("*")):
    if header.suffix in (".hpp", ".h"):
        destination = target / header.relative_to(source)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(header, destination)
        count += 1
if "MESON_INSTALL_QUIET" not in os.environ:
    print(f"Installed {count} headers to {target / 'benchfs'}")
