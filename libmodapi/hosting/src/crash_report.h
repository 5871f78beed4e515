#pragma once

namespace modapi {

/// From now on a crash of the program is a line on stderr that names whose code ran, and so is an exit() of a module's, which ends the
/// program with status 1.
void report_crashes();
/// Again when modules were loaded: exit() begins with what was registered last, and what comes after this is not to run beside workers.
void report_exits();

}  // namespace modapi
