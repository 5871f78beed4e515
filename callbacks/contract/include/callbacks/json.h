#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

namespace callbacks {

/// The contract's JsonDict: a JSON object that keeps the order of its keys.
using JsonDict = boost::json::object;
/// Any JSON.
using JsonValue = boost::json::value;
/// A JSON array.
using JsonArray = boost::json::array;
/// Where a JSON value keeps what it holds; the heap, if nothing is said.
using JsonMemory = boost::json::storage_ptr;

}  // namespace callbacks
