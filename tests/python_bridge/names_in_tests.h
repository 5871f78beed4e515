#pragma once

/// Who is where in these tests.
inline constexpr const char* alice = "@alice:example.org";
inline constexpr const char* hall = "!hall:example.org";
