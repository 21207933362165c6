#include "storage/layers/tree_marks.h"

#include "base/error.h"
#include "oci/layer/printable.h"
#include "sys/dir_fd.h"

namespace nau::storage {

namespace {

std::string prefix_of(LayerForm form) {
    switch (form) {
        case LayerForm::overlay_trusted:
            return "trusted.overlay.";
        case LayerForm::overlay_user:
            return "user.overlay.";
        case LayerForm::merged:
            break;
    }
    return {};
}

}  // namespace

TreeMarks::TreeMarks(LayerForm form) : prefix_(prefix_of(form)) {}

bool TreeMarks::is_opaque(int directory) const {
    return !prefix_.empty() && sys::fgetxattr(directory, prefix_ + "opaque") == "y";
}

// nau's own mounts never make either; a kernel whose defaults were changed does.
void TreeMarks::refuse_redirected(int directory, const std::string& path) const {
    if (!prefix_.empty() && sys::fgetxattr(directory, prefix_ + "redirect")) {
        throw Error(ErrorKind::unsupported,
                    "/{}: overlayfs has renamed this directory by reference",
                    oci::printable(path))
            .with_hint("start the container once more and copy the directory under another name");
    }
}

void TreeMarks::refuse_without_content(int file, const std::string& path) const {
    if (!prefix_.empty() && sys::fgetxattr(file, prefix_ + "metacopy")) {
        throw Error(ErrorKind::unsupported,
                    "/{}: overlayfs has copied up the metadata of this file only",
                    oci::printable(path))
            .with_hint("write to the file in the container, then try again");
    }
}

}  // namespace nau::storage
