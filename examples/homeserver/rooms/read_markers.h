#pragma once

#include "http/router.h"

namespace homeserver {

/// POST /rooms/{room}/receipt/{type}/{event} and /rooms/{room}/read_markers: `m.read`, `m.read.private` and `m.fully_read`.
/// A mark never moves back: one for an earlier event changes nothing.
void add_read_marker_endpoints(Router& router);

}  // namespace homeserver
