#pragma once

#include <callbacks/codes.h>
#include <callbacks/json.h>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace callbacks {

/// The contract's NOT_SPAM: "go on, others may still reject".
struct NotSpam {
    bool operator==(const NotSpam&) const = default;
};
/// The value to return.
inline constexpr NotSpam NOT_SPAM{};

/// A spam checker's answer: NOT_SPAM, a code, a code with extra fields, or `reject(errcode, text, fields)`.
///
///     co_return callbacks::NOT_SPAM;
///     co_return callbacks::Codes::FORBIDDEN;
///     co_return callbacks::Verdict(callbacks::Codes::FORBIDDEN, fields);
///
/// A boolean doesn't compile: the contract's text and published modules mean opposite things by it.
/// Cost: two words, no allocation for NOT_SPAM and plain codes. Copies share their details.
class Verdict {
public:
    Verdict(NotSpam) noexcept {}                                // NOLINT: the contract's return forms
    Verdict(Codes code) noexcept : spam_(true), code_(code) {}  // NOLINT
    /// `additional_fields` go into the error's body. Those named `errcode` or `error` are ignored with a warning.
    Verdict(Codes code, JsonDict additional_fields);

    template <std::same_as<bool> Boolean>
    Verdict(Boolean) {  // NOLINT
        static_assert(
            !std::same_as<Boolean, bool>,
            "a bool is no verdict: the contract and published modules mean opposite things by it. Say which you mean: "
            "callbacks::spam_if(bool) (true rejects) or callbacks::allowed_if(bool) (true allows)");
    }

    [[nodiscard]] bool is_spam() const noexcept { return spam_; }
    bool operator==(NotSpam) const noexcept { return !spam_; }

    /// What the client sees as `errcode`. Only of a rejection. Valid as long as the verdict.
    [[nodiscard]] std::string_view errcode() const noexcept;
    /// A text of the module's own, none: the host's text for this operation.
    [[nodiscard]] std::optional<std::string_view> text() const noexcept;
    /// Fields for the error's body; never `errcode` or `error`. Valid as long as the verdict.
    [[nodiscard]] const JsonDict& additional_fields() const noexcept;
    /// Whether fields were left out: the error has `errcode` and `error` of its own, or this callback takes none.
    [[nodiscard]] bool fields_were_ignored() const noexcept;

    friend Verdict reject(std::string errcode, std::optional<std::string> text, JsonDict additional_fields);

protected:
    /// The same without fields, which then count as ignored; a code that came with fields is FORBIDDEN.
    [[nodiscard]] static Verdict without_fields(const Verdict& verdict);

private:
    struct Details : boost::intrusive_ref_counter<Details> {
        std::optional<std::string> errcode;
        std::optional<std::string> text;
        JsonDict additional_fields;
        bool ignored = false;
    };
    static boost::intrusive_ptr<Details> with_fields(JsonDict additional_fields);

    bool spam_ = false;
    Codes code_ = Codes::FORBIDDEN;
    boost::intrusive_ptr<const Details> details_;
};

/// Rejects with an errcode and a text of the module's own; without a text, with the host's for this operation. Over federation
/// the event is soft-failed like for any verdict.
[[nodiscard]] Verdict reject(std::string errcode, std::optional<std::string> text, JsonDict additional_fields);
/// Rejects so without fields.
[[nodiscard]] Verdict reject(std::string errcode, std::string text);

/// True rejects with FORBIDDEN: what the contract's text means by a boolean.
[[nodiscard]] inline Verdict spam_if(bool spam) noexcept { return spam ? Verdict(Codes::FORBIDDEN) : Verdict(NOT_SPAM); }
/// True allows, false rejects with FORBIDDEN: what published modules mean by a boolean.
[[nodiscard]] inline Verdict allowed_if(bool allowed) noexcept { return spam_if(!allowed); }

/// The answer of check_event_for_spam: a Verdict, or one of the deprecated forms, a boolean (true rejects) or a text.
class EventVerdict : public Verdict {
public:
    using dispatched = Verdict;
    using Verdict::Verdict;
    EventVerdict(const Verdict& verdict) noexcept : Verdict(verdict) {}  // NOLINT

    template <std::same_as<bool> Boolean>
    // clang-format off
    [[deprecated("a bool means: true rejects with FORBIDDEN, false is NOT_SPAM. Return callbacks::NOT_SPAM or a code")]]
    EventVerdict(Boolean spam) noexcept : Verdict(spam_if(spam)) {}  // NOLINT
    [[deprecated("a text rejects with M_FORBIDDEN and that text. Return a code, or callbacks::reject(errcode, text)")]]
    EventVerdict(std::string text);  // NOLINT
    [[deprecated("a text rejects with M_FORBIDDEN and that text. Return a code, or callbacks::reject(errcode, text)")]]
    EventVerdict(const char* text);  // NOLINT
    // clang-format on
};

/// The answer of check_media_file_for_spam: a Verdict, or the deprecated boolean (true rejects).
class MediaVerdict : public Verdict {
public:
    using dispatched = Verdict;
    using Verdict::Verdict;
    MediaVerdict(const Verdict& verdict) noexcept : Verdict(verdict) {}  // NOLINT

    template <std::same_as<bool> Boolean>
    // clang-format off
    [[deprecated("a bool means: true rejects with FORBIDDEN, false is NOT_SPAM. Return callbacks::NOT_SPAM or a code")]]
    MediaVerdict(Boolean spam) noexcept : Verdict(spam_if(spam)) {}  // NOLINT
    // clang-format on
};

/// The answer of user_may_send_state_event: a Verdict, but that a code with extra fields denies with FORBIDDEN and without them.
class StateEventVerdict : public Verdict {
public:
    using dispatched = Verdict;
    using Verdict::Verdict;
    StateEventVerdict(Codes code, JsonDict additional_fields)
        : Verdict(without_fields(Verdict(code, std::move(additional_fields)))) {}
    StateEventVerdict(const Verdict& verdict) : Verdict(without_fields(verdict)) {}  // NOLINT: as the others
};

}  // namespace callbacks
