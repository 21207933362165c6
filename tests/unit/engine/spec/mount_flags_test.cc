#include <doctest/doctest.h>

#include "base/error.h"
#include "engine/spec/create_options.h"

using namespace nau::engine;  // NOLINT(google-build-using-namespace): a test
using nau::Error;
using nau::ErrorKind;
using Type = MountRequest::Type;

namespace {

template <typename Action>
ErrorKind kind_of_failure(Action action) {
    try {
        action();
    } catch (const Error& error) {
        return error.kind();
    }
    return ErrorKind::internal;
}

}  // namespace

TEST_CASE("-v takes a path or a volume name, a destination and options") {
    struct Row {
        const char* text;
        Type type;
        const char* source;
        const char* destination;
        bool is_read_only;
    };
    for (const Row& row : {Row{"/a:/b", Type::bind, "/a", "/b", false},
                           Row{"/a:/b:ro", Type::bind, "/a", "/b", true},
                           Row{"/a:/b:rw", Type::bind, "/a", "/b", false},
                           Row{"./a:/b/", Type::bind, "./a", "/b", false},
                           Row{".:/b//c/../d", Type::bind, ".", "/b/d", false},
                           Row{"data:/b", Type::volume, "data", "/b", false},
                           Row{"/b", Type::volume, "", "/b", false},
                           Row{"/a:/b:", Type::bind, "/a", "/b", false},
                           Row{"data:/b:ro,nocopy", Type::volume, "data", "/b", true}}) {
        CAPTURE(row.text);
        const auto mount = parse_volume_flag(row.text);
        CHECK(mount.type == row.type);
        CHECK(mount.source == row.source);
        CHECK(mount.destination == row.destination);
        CHECK(mount.is_read_only == row.is_read_only);
        CHECK_FALSE(mount.must_exist);
    }
}

TEST_CASE("-v options reach their fields") {
    auto mount = parse_volume_flag("/a:/b:ro,rslave,nosuid,noexec,z,bind");
    CHECK(mount.is_read_only);
    CHECK(mount.propagation == "rslave");
    CHECK(mount.options == std::vector<std::string>{"nosuid", "noexec"});
    CHECK(mount.selinux_relabel == 'z');
    CHECK_FALSE(mount.is_recursive);
    CHECK_FALSE(parse_volume_flag("data:/b:nocopy").copy_up);
    CHECK(parse_volume_flag("/a:/b:Z").selinux_relabel == 'Z');
    CHECK(parse_volume_flag("/a:/b:cached").options.empty());
}

TEST_CASE("-v refuses what it does not understand") {
    for (const char* text : {"",
                             "a",
                             ":/b",
                             "/a:b",
                             "/a:/",
                             "/a:/b:/c:ro",
                             "/a:/b:bogus",
                             "/a:/b:ro,rw",
                             "/a:/b:shared,slave",
                             "a/b:/c",
                             "-x:/c"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { parse_volume_flag(text); }) == ErrorKind::invalid);
    }
    CHECK(kind_of_failure([&] { parse_volume_flag("/a:/b:idmap=uids=0-1-10"); }) ==
          ErrorKind::unsupported);
}

TEST_CASE("O makes an overlay, whose layers may be named") {
    CHECK_FALSE(parse_volume_flag("/a:/b").is_overlay);
    CHECK(parse_volume_flag("/a:/b:O").is_overlay);
    const auto kept = parse_volume_flag("/a:/b:O,upperdir=/u,workdir=/w");
    CHECK(kept.is_overlay);
    CHECK(kept.upper_dir == "/u");
    CHECK(kept.work_dir == "/w");
    for (const char* text : {"/a:/b:O,ro",
                             "/a:/b:O,U",
                             "/a:/b:O,upperdir=/u",
                             "/a:/b:upperdir=/u,workdir=/w",
                             "/a:/b:O,upperdir=u,workdir=w"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { parse_volume_flag(text); }) == ErrorKind::invalid);
    }
    const auto mapped = parse_volume_flag("/a:/b:idmap");
    CHECK(mapped.options == std::vector<std::string>{"idmap"});
}

TEST_CASE("type=image is read-only unless it says rw") {
    const auto image = parse_mount_flag("type=image,src=docker.io/x:1,dst=/b");
    CHECK(image.type == Type::image);
    CHECK(image.source == "docker.io/x:1");
    CHECK(image.is_read_only);
    CHECK_FALSE(parse_mount_flag("type=image,src=x,dst=/b,rw=true").is_read_only);
    CHECK_FALSE(parse_mount_flag("type=image,src=x,dst=/b,rw").is_read_only);
    CHECK(kind_of_failure([&] { parse_mount_flag("type=image,dst=/b"); }) == ErrorKind::invalid);
}

TEST_CASE("--mount reads its fields in any order") {
    auto mount = parse_mount_flag("src=/a,dst=/b,ro,type=bind,bind-propagation=rshared");
    CHECK(mount.type == Type::bind);
    CHECK(mount.source == "/a");
    CHECK(mount.destination == "/b");
    CHECK(mount.is_read_only);
    CHECK(mount.propagation == "rshared");
    CHECK(mount.must_exist);

    mount = parse_mount_flag("type=tmpfs,target=/t,tmpfs-size=10m,tmpfs-mode=1770,noexec");
    CHECK(mount.type == Type::tmpfs);
    CHECK(mount.options == std::vector<std::string>{"size=10m", "mode=1770", "noexec"});
    CHECK_FALSE(mount.must_exist);

    mount = parse_mount_flag("destination=/v,source=data,volume-nocopy,readonly=false");
    CHECK(mount.type == Type::volume);
    CHECK(mount.source == "data");
    CHECK_FALSE(mount.copy_up);
    CHECK_FALSE(mount.is_read_only);

    mount = parse_mount_flag("type=volume,dst=/v");
    CHECK(mount.source.empty());

    mount = parse_mount_flag("type=bind,\"src=/a,b\",dst=/c,bind-nonrecursive=true,relabel=shared");
    CHECK(mount.source == "/a,b");
    CHECK_FALSE(mount.is_recursive);
    CHECK(mount.selinux_relabel == 'z');
}

TEST_CASE("--mount refuses what it does not understand") {
    for (const char* text : {"",
                             "type=bind,dst=/b",
                             "type=bind,src=a,dst=/b",
                             "type=bind,src=/a",
                             "type=bind,src=/a,dst=b",
                             "type=bogus,dst=/b",
                             "type=tmpfs,src=/a,dst=/b",
                             "type=tmpfs,dst=/b,tmpfs-size=x",
                             "type=tmpfs,dst=/b,tmpfs-mode=9",
                             "type=volume,src=/a,dst=/b",
                             "type=bind,src=/a,dst=/b,bogus",
                             "type=bind,src=/a,dst=/b,tmpfs-size=1m",
                             "type=bind,src=/a,dst=/b,ro=maybe",
                             "type=bind,\"src=/a,dst=/b"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { parse_mount_flag(text); }) == ErrorKind::invalid);
    }
    for (const char* text : {"type=artifact,src=x,dst=/b",
                             "type=image,src=x,dst=/b,subpath=y",
                             "type=bind,src=/a,dst=/b,idmap=uids=0-1-10"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { parse_mount_flag(text); }) == ErrorKind::unsupported);
    }
}

TEST_CASE("--tmpfs takes a path and options") {
    auto mount = parse_tmpfs_flag("/run");
    CHECK(mount.type == Type::tmpfs);
    CHECK(mount.destination == "/run");
    CHECK(mount.copy_up);
    mount = parse_tmpfs_flag("/run:ro,noexec,size=65536k,mode=700,notmpcopyup");
    CHECK(mount.is_read_only);
    CHECK(mount.options == std::vector<std::string>{"noexec", "size=65536k", "mode=700"});
    CHECK_FALSE(mount.copy_up);
    CHECK(parse_tmpfs_flag("/run:size=50%").options == std::vector<std::string>{"size=50%"});
    for (const char* text :
         {"", "run", "/run:bogus", "/run:size=x", "/run:mode=rwx", "/run:uid=root"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { parse_tmpfs_flag(text); }) == ErrorKind::invalid);
    }
}

TEST_CASE("relative sources are below the working directory") {
    auto mount = parse_volume_flag("./a/../b/:/x");
    make_source_absolute(mount, "/home/me");
    CHECK(mount.source == "/home/me/b");
    mount = parse_volume_flag("..:/x");
    make_source_absolute(mount, "/home/me");
    CHECK(mount.source == "/home");
    mount = parse_volume_flag("data:/x");
    make_source_absolute(mount, "/home/me");
    CHECK(mount.source == "data");
}
