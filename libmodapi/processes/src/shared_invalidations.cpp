#include <modapi/hosting/log.h>
#include <modapi/hosting/shared_invalidations.h>

#include <callbacks/json.h>
#include <callbacks/text.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <vector>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonArray;

constexpr std::string_view topic_of_invalidations = "invalidations";

/// `[["module.function", "part of the key", ...], ...]`
std::string in_text(const CacheInvalidations& invalidations) {
    JsonArray all;
    for (const CacheInvalidation& invalidation : invalidations) {
        JsonArray one;
        one.emplace_back(invalidation.function);
        // A key that no column can have: whoever reads this drops all entries of the function.
        const bool is_storable = std::all_of(invalidation.key.begin(), invalidation.key.end(),
                                             [](const std::string& part) { return callbacks::is_storable_text(part); });
        for (const std::string& part : invalidation.key) {
            if (is_storable) one.emplace_back(part);
        }
        all.emplace_back(std::move(one));
    }
    return boost::json::serialize(all);
}

}  // namespace

SharedInvalidations::SharedInvalidations(Database& database, SharedMessages& messages, InvalidationBus& workers)
    : database_(database), messages_(messages), workers_(workers) {
    messages_.listen(std::string(topic_of_invalidations), [this](const SharedMessage& message) { tell_workers(message.text); });
    messages_.on_gap([this] { drop_everything(); });
    database_.add_observer(*this);
}

SharedInvalidations::~SharedInvalidations() { database_.remove_observer(*this); }

async::task<void> SharedInvalidations::send(CacheInvalidation invalidation) {
    CacheInvalidations one;
    one.push_back(std::move(invalidation));
    return SharedMessages::send(messages_, std::string(topic_of_invalidations), in_text(one));
}

void SharedInvalidations::before_commit(Transaction& transaction, const CacheInvalidations& invalidations) {
    messages_.write(transaction, topic_of_invalidations, in_text(invalidations));
}

void SharedInvalidations::committed(const CacheInvalidations&) noexcept {
    try {
        messages_.wake();
    } catch (...) {
        // The others read every few seconds all the same.
        framework_log().warn("other processes were not woken for an invalidation: there is no memory");
    }
}

void SharedInvalidations::tell_workers(const std::string& text) {
    boost::system::error_code error;
    const callbacks::JsonValue parsed = boost::json::parse(text, error);
    try {
        if (error) throw boost::system::system_error(error);
        for (const callbacks::JsonValue& one : parsed.as_array()) {
            auto words = boost::json::value_to<std::vector<std::string>>(one);
            CacheInvalidation invalidation;
            invalidation.function = words.at(0);
            invalidation.key.assign(std::next(words.begin()), words.end());
            workers_.publish(InvalidationBus::nobody, invalidation);
        }
    } catch (const std::exception& failure) {
        framework_log().error("an invalidation of another process can't be read, all caches are dropped: {}", failure.what());
        drop_everything();
    }
}

void SharedInvalidations::drop_everything() { workers_.publish(InvalidationBus::nobody, CacheInvalidation()); }

}  // namespace modapi
