#include <callbacks/rules.h>

#include <callbacks/dispatchers.h>
#include <callbacks/ruling.h>

#include <async/limiter.h>

#include <boost/pfr/core.hpp>

#include <bit>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

namespace callbacks {

namespace {

template <class Slot>
Slot limited_slot(const Slot& given, const std::shared_ptr<async::limiter>& limits) {
    if (!given) return given;
    if constexpr (requires { given.entries(); }) {
        std::vector<std::pair<LoginType, typename Slot::one>> entries;
        entries.reserve(given.entries().size());
        for (const auto& [key, one] : given.entries()) entries.emplace_back(key, limited_slot(one, limits));
        return Slot(std::move(entries));
    } else {
        return async::limited_call<Slot, what_may_be_ruled<Slot>>::around(given, limits);
    }
}

constexpr std::size_t word_size = sizeof(std::uint64_t);

/// The eight bytes from `at` on as one number, the first byte its lowest.
std::uint64_t word_at(const char* at) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, at, word_size);
    static_assert(std::endian::native == std::endian::little, "the bytes of a word have to be turned around here");
    return word;
}

/// The last eight bytes of a text; of a shorter one all, and zeros.
std::uint64_t last_word(std::string_view text) noexcept {
    if (text.size() >= word_size) return word_at(text.data() + text.size() - word_size);
    std::uint64_t word = 0;
    for (std::size_t at = text.size(); at-- > 0;) word = word << 8U | static_cast<unsigned char>(text[at]);
    return word;
}

}  // namespace

async::registration CallbackRules::stands() const noexcept {
    return limits != nullptr ? limits->stands_at(order) : async::registration{order, false};
}

template <class Category>
Category limited(const Category& given, const RulesOf& rules) {
    Category around = given;
    boost::pfr::for_each_field(around, [&](auto& slot) {
        const std::shared_ptr<async::limiter> limits = rules(slot.callback_name).limits;
        if (limits != nullptr) slot = limited_slot(slot, limits);
    });
    return around;
}

template AccountData limited(const AccountData&, const RulesOf&);
template AccountValidity limited(const AccountValidity&, const RulesOf&);
template BackgroundUpdateController limited(const BackgroundUpdateController&, const RulesOf&);
template MediaRepository limited(const MediaRepository&, const RulesOf&);
template PasswordAuthProvider limited(const PasswordAuthProvider&, const RulesOf&);
template PresenceRouter limited(const PresenceRouter&, const RulesOf&);
template Ratelimit limited(const Ratelimit&, const RulesOf&);
template SpamChecker limited(const SpamChecker&, const RulesOf&);
template ThirdPartyRules limited(const ThirdPartyRules&, const RulesOf&);
template Unsigned limited(const Unsigned&, const RulesOf&);

void limit_registered(Dispatchers& registered, const async::callback_identity& identity,
                      const std::shared_ptr<async::limiter>& limits) {
    const std::shared_ptr<const bool> is_shadowed = limits->stands_at(identity.how.order).is_shadowed;
    each_callback(registered, [&](auto& dispatcher, std::string_view) {
        if (dispatcher.callback_name == identity.callback)
            dispatcher.surround(identity, is_shadowed, [&](const auto& slot) { return limited_slot(slot, limits); });
    });
}

// FNV-1a's constants over eight bytes at a time, then the last steps of MurmurHash3: what is asked of half of the users is
// asked of the same half on all workers and after every start, so this never changes.
std::uint32_t share_point(std::string_view subject) noexcept {
    constexpr std::uint64_t offset = 0xcbf29ce484222325;
    constexpr std::uint64_t prime = 0x100000001b3;
    constexpr int half_word = 32;
    constexpr int shift = 33;
    std::uint64_t hash = offset ^ subject.size();
    const auto add = [&](std::uint64_t word) {
        hash = (hash ^ word) * prime;
        hash ^= hash >> half_word;
    };
    for (std::size_t at = 0; at + word_size < subject.size(); at += word_size) add(word_at(subject.data() + at));
    add(last_word(subject));
    hash = (hash ^ (hash >> shift)) * 0xff51afd7ed558ccd;
    hash = (hash ^ (hash >> shift)) * 0xc4ceb9fe1a85ec53;
    hash ^= hash >> shift;
    return static_cast<std::uint32_t>(hash % async::call_limits::whole);
}

}  // namespace callbacks
