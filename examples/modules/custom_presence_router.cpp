#include <modapi/module_api.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// Gives one user the presence of others whether or not they share a room (contract: "Presence router callbacks", example).
class CustomPresenceRouter {
public:
    struct Config {
        std::map<std::string, std::set<std::string>> routes;  ///< from a user to those whose presence the user gets
    };
    /// `routes`: a mapping from a user id to a list of user ids. Missing: the contract's own example.
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"routes"});
        Config parsed;
        if (!config.contains("routes")) {
            parsed.routes["@alice:example.com"] = {"@bob:example.com", "@charlie:somewhere.org"};
            return parsed;
        }
        const modapi::ConfigSection routes = config.section("routes");
        for (const auto& route : routes.values()) {
            const std::vector<std::string> shown = routes.required<std::vector<std::string>>(route.key());
            parsed.routes[std::string(route.key())] = std::set<std::string>(shown.begin(), shown.end());
        }
        return parsed;
    }

    CustomPresenceRouter(Config config, modapi::ModuleApi& api) : config_(std::move(config)) {
        api.register_presence_router_callbacks(
            {.get_users_for_states = async::bind<&CustomPresenceRouter::get_users_for_states>(this),
             .get_interested_users = async::bind<&CustomPresenceRouter::get_interested_users>(this)});
    }

private:
    async::task<callbacks::UsersForStates> get_users_for_states(
        const std::vector<callbacks::UserPresenceState>& state_updates) {
        callbacks::UsersForStates routed;
        for (const callbacks::UserPresenceState& update : state_updates) {
            for (const auto& [user_id, shown] : config_.routes) {
                if (shown.contains(update.user_id)) routed[user_id].insert(update);
            }
        }
        co_return routed;
    }

    async::task<callbacks::InterestedUsers> get_interested_users(const std::string& user_id) {
        const auto route = config_.routes.find(user_id);
        if (route == config_.routes.end()) co_return callbacks::InterestedUsers();
        callbacks::InterestedUsers::Set shown(route->second.begin(), route->second.end());
        co_return callbacks::InterestedUsers(std::move(shown));
    }

    Config config_;
};

MODAPI_MODULE(CustomPresenceRouter)
