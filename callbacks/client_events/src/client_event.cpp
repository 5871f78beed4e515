#include <callbacks/client_event.h>

#include <async/writer_dispatch.h>

#include <tuple>

namespace callbacks {

namespace {

constexpr std::string_view empty_unsigned = R"("unsigned":{)";
constexpr std::string_view age_field = R"("age":)";
constexpr std::size_t most_of_age = 48;  // the field and what ends the event

/// What stands in front of an event is a comma most of the time.
char* copy(char* to, std::string_view text) noexcept {
    if (text.size() == 1) [[likely]] {
        *to = text.front();
    } else if (!text.empty()) {
        std::memcpy(to, text.data(), text.size());
    }
    return to + text.size();
}

/// Clients look for what a redaction is about in its content too, where later room versions have it.
bool repeats_target(const Event& event) {
    return event.type() == "m.room.redaction" && event.redacts() && !event.content().contains("redacts");
}

void append_content(JsonBuffer& to, const Event& event) {
    to.append(R"("content":)");
    if (repeats_target(event)) {
        JsonDict content = event.content();
        content["redacts"] = *event.redacts();
        to.object(content);
    } else {
        to.object(event.content());
    }
    to.append(',');
}

void append_member(JsonBuffer& to, std::string_view key, std::string_view text) {
    to.string(key);
    to.append(':');
    to.string(text);
    to.append(',');
}

}  // namespace

ClientEvent::ClientEvent(Event event) : event_(std::move(event)), traits_(event_) {
    JsonBuffer text;
    text.append('{');
    append_member(text, "room_id", event_.room_id());
    behind_room_ = text.size() - 1;
    append_member(text, "type", event_.type());
    if (event_.event_id()) append_member(text, "event_id", *event_.event_id());
    append_member(text, "sender", event_.sender());
    append_content(text, event_);
    if (event_.state_key()) append_member(text, "state_key", *event_.state_key());
    text.append(R"("origin_server_ts":)");
    text.number(event_.origin_server_ts());
    text.append(',');
    if (event_.redacts()) append_member(text, "redacts", *event_.redacts());
    text.append(empty_unsigned);
    own_begin_ = text.size();
    for (const auto& field : event_.unsigned_fields()) {
        const FieldKey key{std::string_view(field.key())};
        if (key.text() == "age") continue;  // the host always has one of its own
        text.string(key.text());
        text.append(':');
        text.value(field.value());
        text.append(',');
        own_names_.push_back(key.hash());
    }
    text_ = text.view();
}

/// The events of one response, as the dispatcher walks them.
class ClientEvents::Items {
public:
    Items(ClientEvents& owner, std::span<const OutgoingEvent> events) noexcept
        : owner_(owner), next_(events.data()), end_(events.data() + events.size()) {}

    bool next() {
        if (next_ == end_) return false;
        current_ = next_++;
        owner_.open(*current_);
        return true;
    }
    [[nodiscard]] UnsignedFields& open_writer() noexcept { return *owner_.fields_; }
    [[nodiscard]] std::tuple<const Event&> arguments() const noexcept { return {current_->event->event_}; }
    [[nodiscard]] const EventTraits& subject() const noexcept { return current_->event->traits_; }
    void close() {
        owner_.close();
        if (owner_.set_aside_.empty()) owner_.arena_.rewind();
    }
    [[nodiscard]] SetAside* set_aside() { return &owner_.set_aside(); }
    static void close(SetAside* finished) { finished->fields->close(); }

private:
    ClientEvents& owner_;
    const OutgoingEvent* next_;
    const OutgoingEvent* end_;
    const OutgoingEvent* current_ = nullptr;
};

struct ClientEvents::Batch {
    static void* operator new(std::size_t size) { return async::detail::allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { async::detail::free_frame(memory, size); }

    using Hook = decltype(UnsignedDispatch::add_field_to_unsigned_callback);

    Batch(ClientEvents& owner, const Hook& hook, std::span<const OutgoingEvent> events)
        : items(owner, events), walk(hook, items) {}

    Items items;
    Hook::batch<Items> walk;
};

ClientEvents::ClientEvents() : fields_(new_fields()) {}
ClientEvents::~ClientEvents() = default;

ClientEvents::Writing ClientEvents::write(const UnsignedDispatch& hooks, std::span<const OutgoingEvent> events,
                                          std::string_view behind) {
    return Writing(*this, hooks, events, behind);
}

bool ClientEvents::Writing::await_ready() const {
    owner_.begin();
    const auto& hook = hooks_.add_field_to_unsigned_callback;
    if (hook.empty()) {
        owner_.write_without_modules(events_);
        return true;
    }
    owner_.batch_ = std::make_unique<Batch>(owner_, hook, events_);
    owner_.batch_->walk.bind_context(*here_);
    return owner_.batch_->walk.await_ready();
}

void ClientEvents::Writing::await_suspend(std::coroutine_handle<> waiting) const noexcept {
    owner_.batch_->walk.await_suspend(waiting);
}

std::string_view ClientEvents::Writing::await_resume() const {
    if (owner_.batch_ != nullptr) {
        const std::unique_ptr<Batch> ended = std::move(owner_.batch_);
        ended->walk.await_resume();
    }
    owner_.text_.append(behind_);
    return owner_.finished();
}

std::unique_ptr<UnsignedFields> ClientEvents::new_fields() {
    auto fields = std::make_unique<UnsignedFields>();
    fields->make_objects_in(arena_);
    return fields;
}

void ClientEvents::begin() {
    text_.cut(0);
    for (std::unique_ptr<SetAside>& each : set_aside_) spare_.push_back(std::move(each));
    set_aside_.clear();
    arena_.rewind();
}

/// Up to the opening brace of `unsigned` and what the stored event has in it. Leaves room for the rest of a plain event.
inline char* ClientEvents::put_opening(const OutgoingEvent& outgoing) {
    const ClientEvent& event = *outgoing.event;
    char* const at = copy(text_.reserve(outgoing.before.size() + event.text_.size() + most_of_age), outgoing.before);
    const std::size_t left_out = outgoing.with_room_id ? 0 : event.behind_room_;
    const std::size_t copied = event.text_.size() - left_out;
    std::memcpy(at, event.text_.data() + left_out, copied);
    *at = '{';
    return at + copied;
}

inline char* ClientEvents::put_age(char* at, const OutgoingEvent& outgoing) noexcept {
    std::memcpy(at, age_field.data(), age_field.size());
    return JsonBuffer::put_number(at + age_field.size(), outgoing.age);
}

/// Up to and with the host's own fields, which become known to the modules' writer.
inline void ClientEvents::open(const OutgoingEvent& outgoing) {
    const ClientEvent& event = *outgoing.event;
    char* at = put_opening(outgoing);
    const std::size_t opened_at = static_cast<std::size_t>(at - text_.data()) - (event.text_.size() - event.own_begin_);
    at = put_age(at, outgoing);
    *at = ',';
    text_.commit(at + 1);
    fields_->open(text_, opened_at);
    fields_->note_own(FieldKey("age").hash());
    for (const std::uint32_t name : event.own_names_) fields_->note_own(name);
    if (outgoing.transaction_id) [[unlikely]]
        fields_->add("transaction_id", *outgoing.transaction_id);
    fields_->end_own();
}

inline void ClientEvents::close() {
    fields_->close();
    text_.append('}');
}

void ClientEvents::write_without_modules(std::span<const OutgoingEvent> events) {
    for (const OutgoingEvent& outgoing : events) {
        if (outgoing.transaction_id) [[unlikely]] {
            open(outgoing);
            close();
            continue;
        }
        char* const at = put_age(put_opening(outgoing), outgoing);
        at[0] = '}';
        at[1] = '}';
        text_.commit(at + 2);
    }
}

ClientEvents::SetAside& ClientEvents::set_aside() {
    std::unique_ptr<SetAside> aside;
    if (spare_.empty()) {
        aside = std::make_unique<SetAside>();
        aside->fields = new_fields();
    } else {
        aside = std::move(spare_.back());
        spare_.pop_back();
    }
    // The writer goes with its event, since the callback refers to it; the batch goes on with the spare one.
    std::swap(aside->fields, fields_);
    aside->text.cut(0);
    aside->fields->move_to(aside->text, aside->fields->opened_at_);
    aside->place = text_.size();
    text_.append('}');  // the event's own; its `unsigned` is put in front of it
    set_aside_.push_back(std::move(aside));
    return *set_aside_.back();
}

std::string_view ClientEvents::finished() {
    if (set_aside_.empty()) return text_.view();
    assembled_.cut(0);
    const std::string_view whole = text_.view();
    std::size_t from = 0;
    for (const std::unique_ptr<SetAside>& aside : set_aside_) {
        assembled_.append(whole.substr(from, aside->place - from));
        assembled_.append(aside->text.view());
        from = aside->place;
    }
    assembled_.append(whole.substr(from));
    return assembled_.view();
}

}  // namespace callbacks
