"""Support for nau's functional tests. tests/functional/TEMPLATE shows its use.

harness   test functions, skips, time-outs, fixtures, main()
command   Nau: the binary under test with its own state, and the check that it leaves nothing behind
registry  Registry: docker-registry on loopback; FakeRegistry: one that lies on purpose
proxy     Proxy: HTTP and SOCKS, so that a registry on loopback can have a name and be somebody else's
images    layers and images made without nau: Layer, write_image, the named images of the suites
trees     a directory tree as data, and the differences of two
host      what this machine can do
nethost   hosts made of network namespaces, for tests of networks
dns       a name server outside of them, and a quick client
"""

from .command import Nau, Process, Result
from .dns import World
from .harness import main, needs, skip, test
from .host import Host
from .images import Layer, layout, write_image, write_index
from .nethost import Lan, Machine, cable, wait_until
from .registry import FakeRegistry, Registry
from .trees import compare_trees, read_tree

__all__ = [
    "FakeRegistry", "Host", "Lan", "Layer", "Machine", "Nau", "Process", "Registry", "Result", "World", "cable", "compare_trees",
    "layout", "main", "needs", "read_tree", "skip", "test", "wait_until", "write_image", "write_index",
]
