#include <modapi/hosting/python_modules.h>

#include "private_directories.h"
#include "program_user.h"
#include "python_log.h"
#include "python_module.h"
#include "python_process.h"
#include "python_reading.h"
#include "python_source.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <map>
#include <mutex>
#include <utility>

namespace modapi {

using callbacks::JsonDict;
using callbacks::JsonValue;

namespace {

std::string joined(const std::vector<std::filesystem::path>& folders) {
    std::string list;
    for (const std::filesystem::path& folder : folders) list.append(list.empty() ? "" : ", ").append(folder.string());
    return list.empty() ? "Python's own folders (python.path is empty)" : list;
}

}  // namespace

/// Shared by all that comes of it.
class PythonModules::State : public std::enable_shared_from_this<PythonModules::State> {
public:
    State(PythonSettings settings, Facts facts)
        : surroundings_(std::make_shared<PythonSurroundings>()), facts_(std::move(facts)), reading_(settings, facts_) {
        surroundings_->settings = std::move(settings);
    }

    [[nodiscard]] std::optional<FoundModule> find(std::string_view name, const PythonEntryKeys& keys);
    [[nodiscard]] const PythonSettings& settings() const noexcept { return surroundings_->settings; }
    /// Has the module's parse_config look at its section.
    void parse(const PythonSource& source, const JsonDict& config);
    [[nodiscard]] std::shared_ptr<PythonProcess> process_for(const PythonSource& source, ModuleApi& api);

private:
    using Key = std::pair<std::string, PythonEntryKeys>;
    struct Known {
        std::string fingerprint;
        std::weak_ptr<const PythonSource> source;
    };

    std::shared_ptr<PythonSurroundings> surroundings_;
    Facts facts_;
    PythonReading reading_;
    std::mutex mutex_;
    std::uint64_t generation_ = 1;  // under the mutex, as what follows
    std::map<Key, Known> known_;
    std::map<const ModuleEnvironment*, std::weak_ptr<PythonProcess>> processes_;
};

namespace {

/// What definitions carry.
struct CarriedModule final : PythonSource {
    std::shared_ptr<PythonModules::State> found_by;
};

struct ParsedModule {
    std::shared_ptr<const CarriedModule> carried;
    JsonDict config;
};

std::shared_ptr<const void> parse_module(const ModuleDefinition& definition, const ConfigSection& section) {
    auto carried = std::static_pointer_cast<const CarriedModule>(definition.carried);
    carried->found_by->parse(*carried, section.values());
    auto parsed = std::make_shared<ParsedModule>();
    parsed->carried = std::move(carried);
    parsed->config = section.values();
    return parsed;
}

async::task<std::shared_ptr<const void>> prepare_module(std::shared_ptr<const void> of, ModuleApi& api) {
    const auto parsed = std::static_pointer_cast<const ParsedModule>(of);
    for (const std::string& address : parsed->carried->keys.may_reach) api.http_client().allow(address);
    std::shared_ptr<PythonProcess> process = parsed->carried->found_by->process_for(*parsed->carried, api);
    async::task<std::shared_ptr<const PythonModule::Prepared>> preparing =
        PythonModule::prepare(std::move(process), parsed->carried, parsed->config, api);
    const std::shared_ptr<const PythonModule::Prepared> prepared = co_await std::move(preparing);
    co_return prepared;
}

std::shared_ptr<void> construct_module(const std::shared_ptr<const void>& prepared, ModuleApi& api) {
    return std::make_shared<PythonModule>(*static_cast<const PythonModule::Prepared*>(prepared.get()), api);
}

}  // namespace

std::optional<FoundModule> PythonModules::State::find(std::string_view name, const PythonEntryKeys& keys) {
    JsonDict question;
    question["do"] = "locate";
    question["module"] = name;
    const JsonDict answer = reading_.ask(std::move(question), "looking for it");
    if (const JsonValue* const error = answer.if_contains("error")) {
        if (text_of(error->as_object(), "kind") == "missing") return std::nullopt;
        throw ModuleLoadError(line_of_error(std::string(name), "looking for it", error->as_object()));
    }
    const JsonDict& place = answer.at("result").as_object();
    const std::string fingerprint(text_of(place, "fingerprint"));
    const std::scoped_lock lock(mutex_);
    Known& known = known_[Key(name, keys)];
    std::shared_ptr<const PythonSource> source = known.source.lock();
    if (source == nullptr || known.fingerprint != fingerprint) {
        // What runs already has the old code.
        if (!known.fingerprint.empty() && known.fingerprint != fingerprint) {
            ++generation_;
            reading_.begin_anew();
        }
        auto made = std::make_shared<CarriedModule>();
        made->module = std::string(name);
        made->file = std::string(text_of(place, "file"));
        made->fingerprint = fingerprint;
        made->keys = keys;
        made->generation = generation_;
        made->found_by = shared_from_this();
        known.fingerprint = fingerprint;
        known.source = made;
        source = std::move(made);
    }
    ModuleDefinition definition{&parse_module, &construct_module};
    definition.prepare = &prepare_module;
    definition.start = &detail::call_module<PythonModule, detail::CallStart>;
    definition.stop = &detail::call_module<PythonModule, detail::CallStop>;
    FoundModule found;
    found.library = source->file;
    definition.carried = std::move(source);
    found.definition = std::make_shared<const ModuleDefinition>(std::move(definition));
    return found;
}

void PythonModules::State::parse(const PythonSource& source, const JsonDict& config) {
    JsonDict question;
    question["do"] = "parse_config";
    question["entry"] = source.module;
    question["module"] = source.module;
    question["config"] = config;
    JsonDict answer;
    if (source.keys.has_own_process) {
        // Nobody else's code sees its section.
        PythonReading alone(settings(), facts_);
        answer = alone.ask(std::move(question), "parse_config");
    } else {
        answer = reading_.ask(std::move(question), "parse_config");
    }
    if (const JsonValue* const error = answer.if_contains("error")) throw_parse_error(source.module, error->as_object());
}

std::shared_ptr<PythonProcess> PythonModules::State::process_for(const PythonSource& source, ModuleApi& api) {
    const std::scoped_lock lock(mutex_);
    if (source.keys.has_own_process) return std::make_shared<PythonProcess>(surroundings_, api, generation_);
    std::weak_ptr<PythonProcess>& shared = processes_[&environment_of(api)];
    std::shared_ptr<PythonProcess> process = shared.lock();
    if (process == nullptr || !process->can_take(api, source.generation)) {
        process = std::make_shared<PythonProcess>(surroundings_, api, generation_);
        shared = process;
    }
    return process;
}

PythonModules::PythonModules(PythonSettings settings, Facts facts) {
    for (const std::filesystem::path& folder : settings.path) {
        std::error_code unknown;
        if (!std::filesystem::is_directory(folder, unknown))
            throw callbacks::ConfigError("there is no folder " + folder.string(), {"path"});
    }
    for (const std::filesystem::path& path : settings.writable) {
        std::error_code unseen;
        if (!std::filesystem::exists(path, unseen)) throw callbacks::ConfigError("there is no " + path.string(), {"writable"});
    }
    std::error_code unknown;
    if (!std::filesystem::exists(settings.interpreter, unknown))
        throw callbacks::ConfigError("there is no " + settings.interpreter.string(), {"interpreter"});
    if (!std::filesystem::exists(settings.folder / "modapi_bridge", unknown))
        throw ModuleLoadError("the Python side of the bridge isn't in " + settings.folder.string());
    try {
        for (const std::string& line : PythonProgram::missing_protections(settings)) framework_log().warn("python: {}", line);
    } catch (const UnfitUser& error) {
        throw callbacks::ConfigError(error.why(), {"user"});
    } catch (const std::exception& error) {
        throw ModuleLoadError(error.what());
    }
    remove_left_over_directories();
    state_ = std::make_shared<State>(std::move(settings), std::move(facts));
}

PythonModules::~PythonModules() = default;

std::optional<FoundModule> PythonModules::find(std::string_view name) {
    JsonDict nothing;
    return find_entry(name, nothing);
}

std::optional<FoundModule> PythonModules::find_entry(std::string_view name, JsonDict& further) {
    std::optional<FoundModule> found = state_->find(name, PythonEntryKeys());
    if (!found) return std::nullopt;
    const PythonEntryKeys keys = take_entry_keys(further);
    if (keys != PythonEntryKeys()) found = state_->find(name, keys);
    return found;
}

std::string PythonModules::missing(std::string_view name) const {
    return "no Python package " + std::string(name.substr(0, name.rfind('.'))) + " in " + joined(state_->settings().path);
}

}  // namespace modapi
