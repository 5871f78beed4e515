#include <modapi/hosting/bus_error.h>
#include <modapi/hosting/joined_processes.h>
#include <modapi/hosting/postgresql_bus.h>
#include <modapi/hosting/process_name.h>
#include <modapi/hosting/redis_bus.h>

#include <callbacks/json.h>

#include <boost/json/serialize.hpp>
#include <boost/uuid/name_generator.hpp>
#include <boost/uuid/uuid.hpp>
#include <boost/uuid/uuid_io.hpp>

#include <algorithm>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

JsonValue in_order(const JsonValue& value);

/// With the keys of all objects in one order.
JsonDict in_order(const JsonDict& object) {
    std::vector<std::string> keys;
    for (const auto& member : object) keys.emplace_back(member.key());
    std::sort(keys.begin(), keys.end());
    JsonDict ordered;
    for (const std::string& key : keys) ordered[key] = in_order(object.at(key));
    return ordered;
}

JsonValue in_order(const JsonValue& value) {
    if (value.is_object()) return in_order(value.get_object());
    if (!value.is_array()) return value;
    JsonArray ordered;
    for (const JsonValue& element : value.get_array()) ordered.push_back(in_order(element));
    return ordered;
}

std::unique_ptr<Bus> open_bus(const DatabaseSettings& database, const ProcessSettings& settings, const ConfigurationFile& file,
                              const std::string& server_name) {
    try {
        if (settings.redis) return std::make_unique<RedisBus>(*settings.redis, server_name);
        return std::make_unique<PostgresqlBus>(database.postgresql_connection);
    } catch (const BusError& error) {
        if (settings.redis) file.fail({"redis"}, error.what());
        file.fail({"database", "args"}, error.what());
    }
}

}  // namespace

std::string digest_of(const std::vector<ConfiguredModule>& modules) {
    JsonArray list;
    for (const ConfiguredModule& module : modules) {
        const JsonValue* const entry = module.file->find(module.path);
        list.push_back(entry != nullptr ? in_order(*entry) : JsonValue(module.name));
    }
    boost::uuids::name_generator_sha1 digest(boost::uuids::ns::oid());
    return boost::uuids::to_string(digest(boost::json::serialize(list)));
}

std::unique_ptr<ProcessGroup> join_processes(Database& database, const DatabaseSettings& database_settings,
                                             const ProcessSettings& settings, const ConfigurationFile& file,
                                             const std::vector<ConfiguredModule>& modules, const std::string& server_name,
                                             const std::string& version) {
    if (!database_settings.is_postgresql()) return nullptr;
    ProcessGroupSettings of_group;
    of_group.name = settings.worker_name.value_or(std::string(main_process));
    of_group.version = version;
    of_group.modules = digest_of(modules);
    of_group.lease.only_on = settings.run_background_tasks_on;
    try {
        return std::make_unique<ProcessGroup>(database, database_settings,
                                              open_bus(database_settings, settings, file, server_name), std::move(of_group));
    } catch (const ProcessNameTaken& error) {
        file.fail({"worker_name"}, error.what());
    } catch (const DifferentVersion& error) {
        file.fail({"worker_name"}, error.what());
    } catch (const DatabaseError& error) {
        file.fail({"database", "args"}, error.what());
    }
}

}  // namespace modapi
