"""Include direction: a layer of lib/ includes itself and what is to its left, and few files may see third parties.

    base -> runtime -> {uring, transport} -> rpc -> {cluster | storage | metadata} -> {server | client} -> api

Usage: check_includes.py ROOT | --self-test
"""

import sys

import tidy
from tidy import source_tree

ALLOWED = {
    "base": set(),
    "runtime": {"base"},
    "uring": {"base", "runtime"},
    "transport": {"base", "runtime"},
    "rpc": {"base", "runtime", "transport"},
    "cluster": {"base", "runtime", "transport", "rpc"},
    # Libraries without a network: the server adapts them to rpc.
    "storage": {"base", "runtime", "uring"},
    "metadata": {"base", "runtime"},
    "server": {"base", "runtime", "uring", "transport", "rpc", "cluster", "storage", "metadata"},
    "client": {"base", "runtime", "uring", "transport", "rpc", "cluster"},
}
ALLOWED["api"] = set(ALLOWED)

# Prefix of an include -> the only places (prefixes of paths) that may have it.
THIRD_PARTY = {
    "liburing": ("lib/benchfs/uring/",),
    "ucp/": ("lib/benchfs/transport/ucx/", "lib/benchfs/transport/window/", "bench/"),
    "ucs/": ("lib/benchfs/transport/ucx/", "lib/benchfs/transport/window/", "bench/"),
    "uct/": (),
    "boost/": ("lib/benchfs/runtime/timer_asio.cpp",),
    "mpi.h": ("ior/", "test/mpi/"),
}
# Heavy headers stay out of lib/'s headers: everything that includes them would pay.
NOT_IN_HEADERS = ("iostream", "regex", "nlohmann/", "CLI/", "boost/")


# BenchFS Mini shows the event loop and UCX without anything of the file system.
MINI = ("benchfs/base/", "benchfs/runtime/", "benchfs/transport/ucx/")


def layer_finding(root, path, name):
    parts = path.relative_to(root).parts
    if parts[:2] == ("tools", "mini") and name.startswith("benchfs/") and not name.startswith(MINI):
        return f"Mini may include only {', '.join(MINI)} ({name})"
    if parts[:2] != ("lib", "benchfs") or not name.startswith("benchfs/"):
        return None
    layer, target = parts[2], name.split("/")[1]
    if layer not in ALLOWED:
        return f"{layer} is no known layer"
    if target != layer and target not in ALLOWED[layer]:
        return f"{layer} may not include {target} ({name})"
    return None


def third_party_finding(root, path, name):
    place = path.relative_to(root).as_posix()
    for prefix, places in THIRD_PARTY.items():
        if name.startswith(prefix) and not place.startswith(places or ("//",)):
            return f"<{name}> belongs only into {', '.join(places) or 'no file'}"
    in_header = place.startswith("lib/") and path.suffix != ".cpp"
    if in_header and name.startswith(NOT_IN_HEADERS):
        return f"<{name}> is too heavy for a header"
    return None


def check(root):
    for path in source_tree.files(root, source_tree.CODE_FOLDERS, {".cpp", ".hpp", ".h", ".c"}):
        for _, name in source_tree.includes(path):
            for rule in (layer_finding, third_party_finding):
                message = rule(root, path, name)
                if message:
                    yield tidy.finding(root, path, message)


BAD = {
    "lib/benchfs/base/a.hpp": '#include "benchfs/rpc/frame.hpp"\n',
    "lib/benchfs/storage/b.cpp": '#include "benchfs/rpc/frame.hpp"\n',
    "lib/benchfs/metadata/c.cpp": '#include "benchfs/storage/chunk_store.hpp"\n',
    "lib/benchfs/client/d.cpp": '#include "benchfs/server/node.hpp"\n',
    "lib/benchfs/newlayer/e.hpp": '#include "benchfs/base/errc.hpp"\n',
    "lib/benchfs/storage/f.cpp": "#include <liburing.h>\n",
    "lib/benchfs/rpc/g.cpp": "#  include <ucp/api/ucp.h>\n",
    "lib/benchfs/runtime/h.cpp": "#include <boost/asio.hpp>\n",
    "lib/benchfs/base/i.hpp": "#include <iostream>\n",
    "tools/mini/j.cpp": '#include "benchfs/transport/window/factory.hpp"\n',
    "tools/mini/k.cpp": '#include "benchfs/api/benchfs.hpp"\n',
}
GOOD = {
    "lib/benchfs/storage/z1.cpp": '#include "benchfs/uring/ring.hpp"\n#include "benchfs/storage/disk.hpp"\n',
    "lib/benchfs/api/z2.hpp": '#include "benchfs/server/node.hpp"\n',
    "tools/mini/z0.cpp": '#include "benchfs/runtime/loop.hpp"\n#include "benchfs/transport/ucx/stream.hpp"\n',
    "bench/z3.cpp": "#include <ucp/api/ucp.h>\n#include <iostream>\n",
    "lib/benchfs/runtime/timer_asio.cpp": "#include <boost/asio.hpp>\n",
}

sys.exit(tidy.main(check, BAD, GOOD))
