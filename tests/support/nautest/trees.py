"""A directory tree as data, so that two can be compared entry by entry."""

import hashlib
import os
import stat

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFCHR: "character device",
         stat.S_IFBLK: "block device", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}


def read_tree(root, one_filesystem=True):
    """{path relative to root (bytes): {field: value}}, '.' for the root itself.

    Fields: kind, mode, uid, gid, mtime_ns, nlink (not of directories), same (first path with the same inode),
    size and sha256 of files, target of symlinks, device of nodes, xattrs. What is mounted below is left out.
    """
    root = os.fsencode(root)
    tree, inodes = {}, {}
    device = os.stat(root + b"/.").st_dev  # not lstat: it may be /proc/PID/root
    todo = [b"."]
    while todo:
        name = todo.pop()
        path = os.path.join(root, name)
        s = os.lstat(path)
        if one_filesystem and stat.S_ISDIR(s.st_mode) and s.st_dev != device:
            continue
        tree[name] = _entry(path, s)
        if stat.S_ISDIR(s.st_mode):
            children = sorted(os.listdir(path), reverse=True)
            todo += [c if name == b"." else name + b"/" + c for c in children]
        else:
            inodes.setdefault((s.st_dev, s.st_ino), []).append(name)
    for names in inodes.values():
        for name in names:
            tree[name]["same"] = min(names)
    return tree


def _entry(path, s):
    kind = KINDS[stat.S_IFMT(s.st_mode)]
    entry = {"kind": kind, "mode": oct(stat.S_IMODE(s.st_mode)), "uid": s.st_uid, "gid": s.st_gid, "mtime_ns": s.st_mtime_ns}
    if kind != "directory":
        entry["nlink"] = s.st_nlink
    if kind == "file":
        entry["size"] = s.st_size
        digest = hashlib.sha256()
        with open(path, "rb") as f:
            while chunk := f.read(1 << 20):
                digest.update(chunk)
        entry["sha256"] = digest.hexdigest()
    elif kind == "symlink":
        entry["target"] = os.readlink(path)
    elif kind.endswith("device"):
        entry["device"] = (os.major(s.st_rdev), os.minor(s.st_rdev))
    names = os.listxattr(path, follow_symlinks=False)
    entry["xattrs"] = {n: os.getxattr(path, n, follow_symlinks=False) for n in sorted(names) if not n.startswith("trusted.overlay.")}
    return entry


def compare_trees(expected, found, ignore=(), fields=None, ignore_fields=None):
    """Differences as lines of text; empty when the trees are equal.

    ignore  paths (str or bytes) that are left out with everything below
    fields  compare only these (default: all)
    ignore_fields  {path: fields that are not compared there}
    """
    skipped = [os.fsencode(p) for p in ignore]
    excused = {os.fsencode(p): f for p, f in (ignore_fields or {}).items()}

    def wanted(path):
        return not any(path == s or path.startswith(s + b"/") for s in skipped)

    lines = []
    for path in sorted(set(expected) | set(found)):
        if not wanted(path):
            continue
        name = path.decode(errors="backslashreplace")
        if path not in found:
            lines.append(f"missing: {name} ({expected[path]['kind']})")
        elif path not in expected:
            lines.append(f"not expected: {name} ({found[path]['kind']})")
        else:
            for field in sorted(set(expected[path]) | set(found[path])):
                if (fields and field not in fields) or field in excused.get(path, ()):
                    continue
                a, b = expected[path].get(field), found[path].get(field)
                if a != b:
                    lines.append(f"{name}: {field} is {b!r}, expected {a!r}")
    return lines
