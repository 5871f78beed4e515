#include "python_callbacks.h"

#include "python_answers.h"
#include "python_arguments.h"
#include "python_errors.h"
#include "python_values.h"

#include <callbacks/dispatchers.h>
#include <callbacks/errors.h>

#include <boost/pfr/core.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace modapi {

namespace {

using async::task;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

// --- handles

/// A handle that is released, unless somebody used it. Shared by who may.
class OwnedHandle {
public:
    OwnedHandle(std::shared_ptr<PythonCalls> calls, PythonHandle handle) noexcept : calls_(std::move(calls)), handle_(handle) {}
    ~OwnedHandle() {
        if (!is_used_) calls_->release(handle_);
    }
    OwnedHandle(const OwnedHandle&) = delete;
    OwnedHandle& operator=(const OwnedHandle&) = delete;

    [[nodiscard]] PythonCalls& calls() const noexcept { return *calls_; }
    /// The process forgets it by itself with what it is asked for now.
    [[nodiscard]] PythonHandle use() noexcept {
        is_used_ = true;
        return handle_;
    }
    [[nodiscard]] PythonHandle look() const noexcept { return handle_; }

private:
    std::shared_ptr<PythonCalls> calls_;
    PythonHandle handle_;
    bool is_used_ = false;
};

/// The handles of an answer: those that nobody takes are released, whatever comes of the answer.
class AnsweredHandles {
public:
    AnsweredHandles(const std::shared_ptr<PythonCalls>& calls, const PythonAnswer& answer) : calls_(calls), life_(answer.life) {
        if (answer.result.is_structured()) collect_handles(answer.result, unclaimed_);
    }
    ~AnsweredHandles() {
        for (const std::int64_t number : unclaimed_) calls_->release(PythonHandle{life_, number});
    }
    AnsweredHandles(const AnsweredHandles&) = delete;
    AnsweredHandles& operator=(const AnsweredHandles&) = delete;

    [[nodiscard]] std::shared_ptr<OwnedHandle> take(std::int64_t number) {
        auto taken = std::make_shared<OwnedHandle>(calls_, PythonHandle{life_, number});
        std::erase(unclaimed_, number);
        return taken;
    }

private:
    std::shared_ptr<PythonCalls> calls_;
    std::uint64_t life_;
    std::vector<std::int64_t> unclaimed_{};
};

// --- one callback of a module

/// What a callable knows of the callback that it asks.
struct RegisteredCallback {
    std::shared_ptr<PythonCalls> calls;
    std::size_t place;  ///< in construct's list
    std::string_view name;
    spdlog::logger* log;  ///< the module's

    [[nodiscard]] AskedCallback asked() const noexcept { return {name, *log}; }
};

/// A login's response callback. A checker's answer may be dropped, or its callback not be needed: the handle goes then.
class PythonResponse {
public:
    explicit PythonResponse(std::shared_ptr<OwnedHandle> handle) noexcept : handle_(std::move(handle)) {}

    task<void> operator()(callbacks::LoginResponse& response) const { return respond(handle_, response); }

private:
    static task<void> respond(std::shared_ptr<OwnedHandle> handle, callbacks::LoginResponse& response) {
        JsonValue sent = json_to_python(JsonValue(response, callbacks::JsonMemory()));
        task<JsonValue> responding = handle->calls().respond(handle->use(), std::move(sent));
        const JsonValue changed = co_await std::move(responding);
        response = object_of(changed);
    }

    std::shared_ptr<OwnedHandle> handle_;
};

/// The context manager of one iteration of a background update. on_update itself is asked when it is entered: it is no
/// coroutine in the contract, and the process can't be asked without waiting.
class PythonUpdate {
public:
    PythonUpdate(RegisteredCallback callback, PythonArguments arguments) noexcept
        : callback_(std::move(callback)), arguments_(std::move(arguments)) {}

    task<int> enter() {
        task<PythonAnswer> calling = callback_.calls->call(callback_.place, arguments_.take_values());
        const PythonAnswer answer = co_await std::move(calling);
        AnsweredHandles handles(callback_.calls, answer);
        const JsonValue* const handle = held_by(answer.result, "$handle");
        if (handle == nullptr || !handle->is_int64()) callback_.asked().fail(answer.result, "an asynchronous context manager");
        std::shared_ptr<OwnedHandle> entered = handles.take(handle->get_int64());
        task<JsonValue> entering = callback_.calls->enter(entered->look());
        const JsonValue value = co_await std::move(entering);
        manager_ = std::move(entered);
        int milliseconds = 0;
        std::exception_ptr failure;
        try {
            milliseconds = number_of(callback_.asked(), value);
        } catch (const callbacks::ModuleFailed&) {
            failure = std::current_exception();
        }
        if (!failure) co_return milliseconds;
        task<bool> leaving = exit(failure);
        co_await std::move(leaving);
        std::rethrow_exception(failure);
    }

    task<bool> exit(std::exception_ptr failure) {
        const std::shared_ptr<OwnedHandle> leaving = std::move(manager_);
        if (leaving == nullptr) co_return false;
        task<bool> asking = callback_.calls->exit(leaving->use(), std::move(failure));
        co_return co_await std::move(asking);
    }

private:
    RegisteredCallback callback_;
    PythonArguments arguments_;
    std::shared_ptr<OwnedHandle> manager_{};  ///< entered, and not left yet
};

// --- what a declaration says of answers

template <class Combine, auto Pass>
inline constexpr bool passes_with = std::is_base_of_v<async::first_not<Pass>, Combine>;

constexpr std::string_view login_check = "check_login_for_spam";
constexpr std::string_view upload_check = "is_user_allowed_to_upload_media_of_size";

/// What the contract's server takes for a verdict, by the type of the answer. Booleans of a Verdict are those of
/// `user_may_...`.
template <class Answer>
constexpr VerdictForms forms_of(std::string_view callback) noexcept {
    if (std::is_same_v<Answer, callbacks::EventVerdict>) return {BooleanVerdict::true_denies, true, true};
    if (std::is_same_v<Answer, callbacks::MediaVerdict>) return {BooleanVerdict::true_denies, false, true};
    if (std::is_same_v<Answer, callbacks::StateEventVerdict>) return {BooleanVerdict::always_denies, false, false};
    if (callback == login_check) return {BooleanVerdict::always_denies, false, true};
    return {BooleanVerdict::true_allows, false, true};
}

template <class Answer>
inline constexpr bool is_verdict = std::is_base_of_v<callbacks::Verdict, Answer>;

std::optional<bool> truth_or_none(const JsonValue& answer) {
    if (answer.is_null()) return std::nullopt;
    return is_true(answer);
}

/// How the answers of one type are read. Those whose type says all are here.
template <class Answer>
struct PythonAnswers;
template <>
struct PythonAnswers<callbacks::EventDecision> {
    static constexpr auto read = &event_decision_of;
};
template <>
struct PythonAnswers<callbacks::RegistrationBehaviour> {
    static constexpr auto read = &registration_of;
};
template <>
struct PythonAnswers<int> {
    static constexpr auto read = &number_of;
};
template <>
struct PythonAnswers<std::optional<std::string>> {
    static constexpr auto read = &text_or_none;
};
template <>
struct PythonAnswers<std::optional<bool>> {
    static std::optional<bool> read(const AskedCallback&, const JsonValue& answer) { return truth_or_none(answer); }
};
template <>
struct PythonAnswers<std::optional<JsonDict>> {
    static std::optional<JsonDict> read(const AskedCallback& asked, const JsonValue& answer) {
        if (answer.is_null()) return std::nullopt;
        return dictionary_of(asked, answer);
    }
};
template <>
struct PythonAnswers<std::optional<std::vector<callbacks::MediaUploadLimit>>> {
    static constexpr auto read = &limits_or_none;
};
template <>
struct PythonAnswers<std::optional<callbacks::RatelimitOverride>> {
    static constexpr auto read = &override_or_none;
};
template <>
struct PythonAnswers<callbacks::UsersForStates> {
    static constexpr auto read = &users_for_states_of;
};
template <>
struct PythonAnswers<callbacks::InterestedUsers> {
    static constexpr auto read = &interested_users_of;
};

/// Whether an event that the callback has marked as soft-failed counts as denied: where an answer is about the event itself,
/// and a denial has that effect for one that another server has sent. Of a client's own event there is no other way to say it.
template <class Answer>
inline constexpr bool denies_what_it_soft_fails = std::is_same_v<Answer, callbacks::EventVerdict>;

// --- callables

template <class Slot, class Signature = typename Slot::signature>
class PythonCallable;

/// Asks a callback in its process, with the arguments and the answer of its declaration.
template <async::name Name, class R, class... Arguments, class Combine, class Errors>
class PythonCallable<async::slot<Name, R(Arguments...), Combine, Errors>, R(Arguments...)> {
    using answer = typename async::detail::dispatched<R>::type;
    static constexpr bool is_update = std::is_same_v<answer, async::context_manager<int>>;
    using returned = std::conditional_t<is_update, answer, task<answer>>;
    static constexpr bool freezes_events = std::is_same_v<R, callbacks::EventDecision>;

public:
    explicit PythonCallable(RegisteredCallback callback) noexcept : callback_(std::move(callback)) {}

    returned operator()(async::detail::passed<Arguments>... arguments) const {
        PythonSubject subject;
        (subject.note(arguments), ...);
        PythonArguments given(callback_.calls, std::move(subject), freezes_events);
        (add<Arguments>(given, arguments), ...);
        if constexpr (is_update) {
            return PythonUpdate(callback_, std::move(given));
        } else {
            return ask(callback_, std::move(given));
        }
    }

private:
    template <class Argument, class Given>
    static void add(PythonArguments& arguments, Given& given) {
        if constexpr (std::is_same_v<Argument, JsonDict&>) {
            arguments.add_mutable(given);
        } else {
            arguments.add(given);
        }
    }

    static task<answer> ask(RegisteredCallback callback, PythonArguments arguments) requires(!is_update) {
        task<PythonAnswer> calling = callback.calls->call(callback.place, arguments.take_values());
        const PythonAnswer given = co_await std::move(calling);
        AnsweredHandles handles(callback.calls, given);
        arguments.take_changes(given.changed);
        if constexpr (!std::is_void_v<answer>) co_return read(callback, given, handles);
    }

    static answer read(const RegisteredCallback& callback, const PythonAnswer& given,
                       AnsweredHandles& handles) requires(!is_update && !std::is_void_v<answer>) {
        const AskedCallback asked = callback.asked();
        if constexpr (is_verdict<R>) {
            callbacks::Verdict verdict = verdict_of(asked, given.result, forms_of<R>(Name.view()));
            const bool is_marked = denies_what_it_soft_fails<R> && !given.soft_failed.empty();
            return is_marked && !verdict.is_spam() ? callbacks::Verdict(callbacks::Codes::FORBIDDEN) : verdict;
        } else if constexpr (std::is_same_v<R, bool>) {
            // A denial by False is False and nothing else; what says that something is wrong with an argument is as true as
            // Python takes it.
            constexpr bool denies_by_false = passes_with<Combine, true> && Name.view() != upload_check;
            return denies_by_false ? unless_false(asked, given.result) : is_true(given.result);
        } else if constexpr (std::is_same_v<R, std::optional<callbacks::AuthResult>>) {
            const std::optional<PythonLogin> login = login_or_none(asked, given.result);
            if (!login) return std::nullopt;
            if (!login->on_response) return callbacks::AuthResult(login->user_id);
            return callbacks::AuthResult(login->user_id, PythonResponse(handles.take(*login->on_response)));
        } else {
            return PythonAnswers<R>::read(asked, given.result);
        }
    }

    RegisteredCallback callback_;
};

/// Fields for the events of a response, with one message for all of them, or some for very many.
class PythonFields {
public:
    explicit PythonFields(RegisteredCallback callback) noexcept : callback_(std::move(callback)) {}

    task<void> operator()(std::span<const callbacks::EventRef> events, callbacks::UnsignedBatch& out) const {
        return ask(callback_, events, out);
    }

private:
    /// A frame holds so many, however large they are.
    static constexpr std::size_t most_of_a_message = 256;

    static task<void> ask(RegisteredCallback callback, std::span<const callbacks::EventRef> events,
                          callbacks::UnsignedBatch& out) {
        for (std::size_t first = 0; first < events.size(); first += most_of_a_message) {
            const std::size_t count = std::min(most_of_a_message, events.size() - first);
            JsonArray lists;
            lists.reserve(count);
            for (const callbacks::Event& event : events.subspan(first, count)) {
                JsonArray arguments;
                arguments.push_back(to_python(event));
                lists.push_back(std::move(arguments));
            }
            task<JsonArray> asking = callback.calls->batch(callback.place, std::move(lists));
            const JsonArray answers = co_await std::move(asking);
            if (answers.size() != count)
                throw callbacks::ModuleFailed("the Python process left out answers of " + std::string(callback.name));
            for (std::size_t at = 0; at < count; ++at) out[first + at].write(fields_of(callback.asked(), answers[at]));
        }
    }

    /// Errors: what the callback raised for the event; ModuleFailed.
    static JsonDict fields_of(const AskedCallback& asked, const JsonValue& answer) {
        const JsonDict* const object = answer.if_object();
        if (object != nullptr) {
            const JsonValue* const error = object->if_contains("error");
            if (error != nullptr && error->is_object()) throw_python_error(error->get_object());
            if (const JsonValue* const result = object->if_contains("result")) return dictionary_of(asked, *result);
        }
        throw callbacks::ModuleFailed("the Python process gave neither a result nor an error of " + std::string(asked.name));
    }

    RegisteredCallback callback_;
};

// --- categories

/// `third-party rules` is `third_party_rules` in the protocol; the events' `unsigned`, a word of C++'s, has a longer name.
template <class Category>
std::string protocol_name() {
    std::string name(Category::category_name);
    std::replace_if(
        name.begin(), name.end(), [](char letter) { return letter == ' ' || letter == '-'; }, '_');
    return name == "unsigned" ? "unsigned_section" : name;
}

template <class Category>
using RegisterCategory = void (ModuleApi::*)(Category);

/// Calls `visit(how to register it)` for each category; its callbacks are the members of what that takes.
template <class Visitor>
void each_category(Visitor&& visit) {
    visit(&ModuleApi::register_account_data_callbacks);
    visit(&ModuleApi::register_account_validity_callbacks);
    visit(&ModuleApi::register_add_extra_fields_to_unsigned_client_event_callbacks);
    visit(&ModuleApi::register_background_update_controller_callbacks);
    visit(&ModuleApi::register_media_repository_callbacks);
    visit(&ModuleApi::register_password_auth_provider_callbacks);
    visit(&ModuleApi::register_presence_router_callbacks);
    visit(&ModuleApi::register_ratelimit_callbacks);
    visit(&ModuleApi::register_spam_checker_callbacks);
    visit(&ModuleApi::register_third_party_rules_callbacks);
}

template <class Signature>
inline constexpr std::size_t argument_count = 0;
template <class R, class... Arguments>
inline constexpr std::size_t argument_count<R(Arguments...)> = sizeof...(Arguments);

/// One member of construct's list.
struct Registration {
    std::string category;
    std::string name;
    std::optional<callbacks::LoginType> key;
};

[[noreturn]] void refuse_list(const std::string& what) {
    throw callbacks::ConfigError("the Python process told of callbacks " + what);
}

std::string text_member(const JsonDict& object, std::string_view name) {
    const JsonValue* const value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) refuse_list("without a text " + std::string(name));
    return std::string(value->get_string());
}

callbacks::LoginType login_type_of(const JsonValue& key) {
    const JsonArray* const parts = key.if_array();
    if (parts == nullptr || parts->size() != 2 || !(*parts)[0].is_string() || !(*parts)[1].is_array())
        refuse_list("with a key that isn't [type, [fields]]");
    std::vector<std::string> fields;
    for (const JsonValue& field : (*parts)[1].get_array()) {
        if (!field.is_string()) refuse_list("with a field of a login that isn't text");
        fields.emplace_back(field.get_string());
    }
    return {std::string((*parts)[0].get_string()), std::move(fields)};
}

Registration registration_in(const JsonValue& described) {
    if (!described.is_object()) refuse_list("that are no objects");
    const JsonDict& object = described.get_object();
    Registration registration{text_member(object, "category"), text_member(object, "name"), std::nullopt};
    const JsonValue* const key = object.if_contains("key");
    if (key != nullptr && !key->is_null()) registration.key = login_type_of(*key);
    return registration;
}

/// Gathers callbacks of one category and registers them: together, as their module did, since some are only taken in pairs; a
/// second one of a name begins anew.
template <class Category>
class GatheredCategory {
public:
    GatheredCategory(ModuleApi& api, RegisterCategory<Category> how) noexcept : api_(api), how_(how) {}

    /// False: the category has no such callback.
    bool add(const Registration& registration, const RegisteredCallback& callback) {
        bool is_known = false;
        boost::pfr::for_each_field(gathered_, [&](auto& slot) {
            if (is_known || slot.callback_name != registration.name) return;
            is_known = true;
            put(slot, registration, callback);
        });
        return is_known;
    }
    void finish() {
        if (is_empty_) return;
        is_empty_ = true;
        (api_.*how_)(std::exchange(gathered_, Category{}));
    }

private:
    template <class Slot>
    void put(Slot& slot, const Registration& registration, RegisteredCallback callback) {
        callback.name = Slot::callback_name;
        if constexpr (requires { slot.entries(); }) {
            using one = typename Slot::one;
            if (!registration.key) refuse_list("named " + registration.name + " without a key");
            auto entries = slot.entries();
            entries.emplace_back(*registration.key, one(PythonCallable<one>(std::move(callback))));
            slot = Slot(std::move(entries));
        } else {
            if (registration.key) refuse_list("named " + registration.name + " with a key");
            if (slot) finish();
            if constexpr (std::is_same_v<Slot, decltype(callbacks::Unsigned::add_field_to_unsigned_callback)>) {
                slot = Slot(PythonFields(std::move(callback)));
            } else {
                slot = Slot(PythonCallable<Slot>(std::move(callback)));
            }
        }
        is_empty_ = false;
    }

    ModuleApi& api_;
    RegisterCategory<Category> how_;
    Category gathered_{};
    bool is_empty_ = true;
};

/// Registers the callbacks of this category from `first` on, as far as they are of it; gives the place of the first that isn't.
template <class Category>
std::size_t register_of(const std::vector<Registration>& all, std::size_t first, const std::string& category,
                        const RegisteredCallback& callback, GatheredCategory<Category> gathered) {
    std::size_t place = first;
    for (; place < all.size() && all[place].category == category; ++place) {
        RegisteredCallback one = callback;
        one.place = place;
        if (!gathered.add(all[place], one)) refuse_list("of the category " + category + " named " + all[place].name);
    }
    gathered.finish();
    return place;
}

}  // namespace

JsonArray declared_callbacks() {
    JsonArray declared;
    each_category([&]<class Category>(RegisterCategory<Category>) {
        Category category{};
        boost::pfr::for_each_field(category, [&](auto& slot) {
            using slot_type = std::remove_cvref_t<decltype(slot)>;
            const std::size_t arguments = [] {
                if constexpr (requires { typename slot_type::one; }) {
                    return argument_count<typename slot_type::one::signature>;
                } else {
                    return argument_count<typename slot_type::signature>;
                }
            }();
            const callbacks::CallbackDescription* const described = callbacks::description_of(slot_type::callback_name);
            const std::size_t least = described != nullptr ? described->later_argument.position : arguments;
            JsonDict row;
            row.emplace("category", protocol_name<Category>());
            row.emplace("name", slot_type::callback_name);
            row.emplace("arguments", arguments);
            row.emplace("least", std::min(least, arguments));
            declared.push_back(std::move(row));
        });
    });
    return declared;
}

void register_python_callbacks(ModuleApi& api, const JsonArray& registered, const std::shared_ptr<PythonCalls>& calls) {
    std::vector<Registration> all;
    all.reserve(registered.size());
    for (const JsonValue& described : registered) all.push_back(registration_in(described));
    const RegisteredCallback callback{calls, 0, {}, &api.logger()};
    std::size_t place = 0;
    while (place < all.size()) {
        const std::size_t before = place;
        each_category([&]<class Category>(RegisterCategory<Category> how) {
            const std::string name = protocol_name<Category>();
            if (place < all.size() && all[place].category == name)
                place = register_of(all, place, name, callback, GatheredCategory<Category>(api, how));
        });
        if (place == before) refuse_list("of an unknown category, " + all[place].category);
    }
}

}  // namespace modapi
