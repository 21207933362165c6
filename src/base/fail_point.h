#pragma once

// Named test stops in every durable step. In release builds they do not exist. In other builds the
// environment steers them:
//
//   NAU_FAIL_POINT=name=kill          the process kills itself with SIGKILL there
//   NAU_FAIL_POINT=name=error:ENOSPC  the point throws SysError(ENOSPC)
//   NAU_FAIL_POINT=name=stop          the process stops itself (SIGSTOP) until a test continues it
//   NAU_FAIL_POINT=name@3=kill        the same at the third passage only
//   NAU_FAIL_POINT_LOG=FILE           appends the name of each point that is passed: how tests find
//   them
//
// Names are "module.operation.place", e.g. "content.commit.before_rename".

#ifdef NAU_FAIL_POINTS
namespace nau {
/// @throws SysError when the environment asks for an error at this point
void fail_point(const char* name);
}  // namespace nau
#define NAU_FAIL_POINT(name) ::nau::fail_point(name)
#else
#define NAU_FAIL_POINT(name) ((void)0)
#endif
