"""One image in every packing that registries hold: the same root file system each time."""

from nautest import compare_trees, main, read_tree, test

# What nau puts over the image in every container.
SUPPLIED = ("dev", "proc", "sys", "etc/hosts", "etc/hostname", "etc/resolv.conf")
TOUCHED = {"etc": {"mtime_ns"}, ".": {"mtime_ns"}}


def same_rootfs_as_gzip(nau, name, **variant):
    plain = read_tree(nau.rootfs(nau.image(name)))
    other = read_tree(nau.rootfs(nau.image(name, **variant)))
    differences = compare_trees(plain, other, ignore=SUPPLIED, ignore_fields=TOUCHED)
    assert not differences, "\n".join(differences)
    assert b"bin/busybox" in plain


@test(needs="root")
def zstd_layers(nau):
    same_rootfs_as_gzip(nau, "layers8", compression="zstd")


@test(needs="root")
def uncompressed_layers(nau):
    same_rootfs_as_gzip(nau, "layers8", compression="plain")


@test(needs="root")
def docker_schema_2(nau):
    same_rootfs_as_gzip(nau, "layers8", docker=True)


@test(needs="root")
def docker_manifest_list(nau):
    same_rootfs_as_gzip(nau, "index", docker=True)


@test(needs="root")
def index_of_zstd_images(nau):
    same_rootfs_as_gzip(nau, "index", compression="zstd")


main()
