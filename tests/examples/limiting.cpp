#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/media_repository.h>
#include <callbacks/ratelimit.h>

#include <async/bind.h>

#include <spdlog/logger.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace limiting {

using callbacks::JsonDict;
using callbacks::MediaUploadLimit;
using Limits = std::vector<MediaUploadLimit>;

/// A test's module: what somebody may upload, and how often they may invite, depends on how they are called. What exceeds a limit is a line of the log.
class Limiting {
public:
    Limiting(JsonDict, modapi::ModuleApi& api) : api_(api) {
        callbacks::MediaRepository media;
        media.get_media_config_for_user = async::bind<&Limiting::get_media_config_for_user>(this);
        media.is_user_allowed_to_upload_media_of_size = async::bind<&Limiting::is_user_allowed_to_upload_media_of_size>(this);
        media.get_media_upload_limits_for_user = async::bind<&Limiting::get_media_upload_limits_for_user>(this);
        media.on_media_upload_limit_exceeded = async::bind<&Limiting::on_media_upload_limit_exceeded>(this);
        api.register_media_repository_callbacks(std::move(media));
        callbacks::Ratelimit rates;
        rates.get_ratelimit_override_for_user = async::bind<&Limiting::get_ratelimit_override_for_user>(this);
        api.register_ratelimit_callbacks(std::move(rates));
    }

private:
    std::optional<callbacks::RatelimitOverride> get_ratelimit_override_for_user(const std::string& user_id, const std::string&) {
        if (!user_id.starts_with("@inviting")) return std::nullopt;
        return callbacks::RatelimitOverride(0.0001, 6);
    }
    std::optional<JsonDict> get_media_config_for_user(const std::string& user_id) {
        if (user_id.starts_with("@empty:")) return JsonDict();
        if (!user_id.starts_with("@configured:")) return std::nullopt;
        JsonDict config;
        config["org.test.size"] = 7;
        return config;
    }
    bool is_user_allowed_to_upload_media_of_size(const std::string& user_id, std::int64_t size) {
        api_.logger().info("asked whether {} may upload {} bytes", user_id, size);
        return size != 667;
    }
    std::optional<Limits> get_media_upload_limits_for_user(const std::string& user_id) {
        constexpr std::int64_t hour = 3'600'000;
        const std::string_view name = std::string_view(user_id).substr(1, user_id.find(':') - 1);
        if (name == "free") return Limits();
        if (name == "two") return Limits{MediaUploadLimit(100, hour), MediaUploadLimit(200, 24 * hour)};
        if (name == "nothing") return Limits{MediaUploadLimit(0, hour)};
        if (name == "negative") return Limits{MediaUploadLimit(-1, hour)};
        if (name == "timeless") return Limits{MediaUploadLimit(std::numeric_limits<std::int64_t>::max(), 0)};
        if (name == "backwards") return Limits{MediaUploadLimit(1'000'000, -hour)};
        if (name == "eternal") return Limits{MediaUploadLimit(1'000'000, std::numeric_limits<std::int64_t>::max())};
        if (name == "huge") return Limits{MediaUploadLimit(std::numeric_limits<std::int64_t>::max(), hour)};
        if (name == "throwing") throw std::runtime_error("who knows");
        return std::nullopt;
    }
    void on_media_upload_limit_exceeded(const std::string& user_id, const MediaUploadLimit& limit, std::int64_t sent_bytes,
                                        std::int64_t attempted_bytes) {
        api_.logger().info("{} exceeds {} bytes in {} ms: {} and {}", user_id, limit.max_bytes(), limit.time_period_ms(),
                           sent_bytes, attempted_bytes);
    }

    modapi::ModuleApi& api_;
};

}  // namespace limiting

using limiting::Limiting;
MODAPI_MODULE(Limiting)
