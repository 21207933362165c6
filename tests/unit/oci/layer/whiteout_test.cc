#include "oci/layer/whiteout.h"

#include <doctest/doctest.h>

using nau::oci::parse_whiteout;
using nau::oci::WhiteoutName;
using Kind = WhiteoutName::Kind;

TEST_CASE("names with the reserved prefix are whiteouts") {
    struct Row {
        const char* name;
        Kind kind;
        const char* target;
    };
    for (const auto& row : {Row{"a", Kind::none, ""},
                            Row{"", Kind::none, ""},
                            Row{".wh", Kind::none, ""},
                            Row{"x.wh.a", Kind::none, ""},
                            Row{".WH.a", Kind::none, ""},
                            Row{".wh.a", Kind::whiteout, "a"},
                            Row{".wh..hidden", Kind::whiteout, ".hidden"},
                            Row{".wh....", Kind::whiteout, "..."},
                            Row{".wh..wh", Kind::whiteout, ".wh"},
                            Row{".wh..wh..opq", Kind::opaque, ""},
                            Row{".wh..wh.plnk", Kind::metadata, ""},
                            Row{".wh..wh.aufs", Kind::metadata, ""},
                            Row{".wh..wh..opqx", Kind::metadata, ""},
                            Row{".wh.", Kind::invalid, ""},
                            Row{".wh..", Kind::invalid, ""},
                            Row{".wh...", Kind::invalid, ""}}) {
        CAPTURE(row.name);
        CHECK(parse_whiteout(row.name) == WhiteoutName{.kind = row.kind, .target = row.target});
    }
}
