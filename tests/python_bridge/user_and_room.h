#pragma once

/// Whom and where tests of the bridge are about, unless it matters.
inline constexpr const char* alice = "@alice:example.org";
inline constexpr const char* hall = "!hall:example.org";
