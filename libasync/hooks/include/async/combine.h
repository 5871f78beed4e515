#pragma once

#include <async/name.h>

#include <optional>
#include <string_view>
#include <utility>

/// How the answers of several hooks become one. A rule has a `result<R>` (what the host gets), a `name` (for tables and the
/// inspector) and a `walk<R>`: `add` takes one answer and says whether it ends the walk, `finish` gives the result. A walk to
/// which nothing was added yields the neutral answer. A rule for answers that callables write themselves (async/writer_slot.h)
/// says instead which of two values of a key their writer keeps: `later_wins`.
namespace async {

/// All in order; there is nothing to combine.
struct run_all {
    static constexpr std::string_view name = "all in order";
    template <class R>
    using result = void;
    template <class R>
    struct walk {};
};

/// The first value that isn't none. Answers are std::optional-like.
struct first_value {
    static constexpr std::string_view name = "first that is not none";
    template <class R>
    using result = R;
    /// One call's way through the hooks: `add` takes an answer and says whether it ends the asking, `finish` gives the
    /// combined one.
    template <class R>
    struct walk {
        R decided{};
        bool add(R&& answer) {
            if (!answer) return false;
            decided = std::move(answer);
            return true;
        }
        R finish() { return std::move(decided); }
    };
};

/// The first answer that doesn't equal `Pass`; `Pass` if there is none.
template <auto Pass>
struct first_not {
    static constexpr std::string_view name = "first that is not the pass value";
    template <class R>
    using result = R;
    /// As of first_value.
    template <class R>
    struct walk {
        std::optional<R> decided;
        bool add(R&& answer) {
            if (answer == Pass) return false;
            decided.emplace(std::move(answer));
            return true;
        }
        R finish() { return decided ? std::move(*decided) : R(Pass); }
    };
};

/// Answers are maps with `insert_or_assign` (JSON objects): the last hook to set a key wins it.
struct last_wins_per_key {
    static constexpr std::string_view name = "merge, last wins per key";
    static constexpr bool later_wins = true;
    template <class R>
    using result = R;
    /// As of first_value.
    template <class R>
    struct walk {
        R merged{};
        bool add(R&& answer) {
            if (merged.empty()) {
                merged = std::move(answer);
                return false;
            }
            for (auto& [key, value] : answer) merged.insert_or_assign(key, std::move(value));
            return false;
        }
        R finish() { return std::move(merged); }
    };
};

/// Answers are maps from a key to a set: the union, key by key.
struct union_per_key {
    static constexpr std::string_view name = "union per key";
    template <class R>
    using result = R;
    /// As of first_value.
    template <class R>
    struct walk {
        R merged{};
        bool add(R&& answer) {
            for (auto& [key, values] : answer) merged[key].merge(values);
            return false;
        }
        R finish() { return std::move(merged); }
    };
};

/// Answers are sets with an "everyone" short cut: `is_everyone()`, `merge(set)`. The first everyone ends the walk.
struct union_or_everyone {
    static constexpr std::string_view name = "union, everyone ends it";
    template <class R>
    using result = R;
    /// As of first_value.
    template <class R>
    struct walk {
        R merged{};
        bool add(R&& answer) {
            if (answer.is_everyone()) {
                merged = std::move(answer);
                return true;
            }
            merged.merge(std::move(answer));
            return false;
        }
        R finish() { return std::move(merged); }
    };
};

/// Only the first registrant is asked; none if nobody registered.
struct only_first {
    static constexpr std::string_view name = "only the first registrant";
    template <class R>
    using result = std::optional<R>;
    /// As of first_value.
    template <class R>
    struct walk {
        std::optional<R> decided;
        bool add(R&& answer) {
            decided.emplace(std::move(answer));
            return true;
        }
        std::optional<R> finish() { return std::move(decided); }
    };
};

}  // namespace async
