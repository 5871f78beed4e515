#pragma once

/// Whom and what the bridge's tests are about.
inline constexpr const char* alice = "@alice:example.org";
inline constexpr const char* hall = "!hall:example.org";
