#include <async/await_point.h>

#include <async/frame_allocator.h>
#include <async/promise.h>

#include <cxxabi.h>
#include <unwind.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <new>
#include <typeinfo>

namespace async::detail {

namespace {

#if !defined(__GLIBCXX__)
struct kept_failure {
    std::exception_ptr failure;
};
#endif

/// What was found out about awaits: whether an exception of a type, thrown there, reaches the end of its body without a handler
/// that has seen it. Shared by all threads; nothing is ever taken out, since code stays where it is (modules aren't unloaded).
/// Where there is no place left, exceptions are thrown as ever.
class known_awaits {
public:
    enum class fate : unsigned char { unknown, may_be_caught, uncaught };

    [[nodiscard]] fate of(const void* site, const std::type_info* type) const noexcept {
        const std::uint64_t key = key_of(site, type);
        if (key == 0) return fate::may_be_caught;
        for (std::size_t step = 0; step < steps; ++step) {
            const std::uint64_t found = places_[place_of(key, step)].load(std::memory_order_relaxed);
            if (found == 0) return fate::unknown;
            if ((found & ~uncaught_bit) == key) return (found & uncaught_bit) != 0 ? fate::uncaught : fate::may_be_caught;
        }
        return fate::may_be_caught;
    }
    /// Remembers it as one that may be caught.
    void add(const void* site, const std::type_info* type) noexcept {
        const std::uint64_t key = key_of(site, type);
        for (std::size_t step = 0; key != 0 && step < steps; ++step) {
            std::uint64_t found = 0;
            if (places_[place_of(key, step)].compare_exchange_strong(found, key, std::memory_order_relaxed)) return;
            if ((found & ~uncaught_bit) == key) return;
        }
    }
    /// It was added, and wasn't caught.
    void found_uncaught(const void* site, const std::type_info* type) noexcept {
        const std::uint64_t key = key_of(site, type);
        for (std::size_t step = 0; key != 0 && step < steps; ++step) {
            std::atomic<std::uint64_t>& place = places_[place_of(key, step)];
            if ((place.load(std::memory_order_relaxed) & ~uncaught_bit) != key) continue;
            place.store(key | uncaught_bit, std::memory_order_relaxed);
            return;
        }
    }

private:
    static constexpr std::size_t steps = 16;
    static constexpr std::size_t size = 8192;
    static constexpr std::uint64_t uncaught_bit = std::uint64_t(1) << 63;
    static constexpr unsigned address_bits = 56;

    /// An address and the number of a type; 0: there is no number left.
    [[nodiscard]] std::uint64_t key_of(const void* site, const std::type_info* type) const noexcept {
        const auto address = reinterpret_cast<std::uintptr_t>(site);
        if ((std::uint64_t(address) >> address_bits) != 0) return 0;
        for (std::size_t number = 0; number < types_.size(); ++number) {
            const std::type_info* known = types_[number].load(std::memory_order_relaxed);
            if (known == nullptr && types_[number].compare_exchange_strong(known, type, std::memory_order_relaxed))
                known = type;
            if (known == type) return std::uint64_t(address) | (std::uint64_t(number + 1) << address_bits);
        }
        return 0;
    }
    static std::size_t place_of(std::uint64_t key, std::size_t step) noexcept {
        return (((key ^ (key >> address_bits)) * 0x9E3779B97F4A7C15U >> 40) + step) % size;
    }

    mutable std::array<std::atomic<const std::type_info*>, 100> types_{};
    std::array<std::atomic<std::uint64_t>, size> places_{};
};

constinit known_awaits awaits;

#if defined(__GLIBCXX__) && !defined(__ARM_EABI_UNWINDER__)

/// What the C++ ABI keeps of an exception that is being handled, in front of the exception.
struct handled_exception {
    void* type;
    void* destructor;
    void* unexpected_handler;
    void* terminate_handler;
    handled_exception* next;
    int handler_count;
    int handler_switch_value;
    const unsigned char* action_record;
    const unsigned char* language_specific_data;
    _Unwind_Ptr landing_pad;  // of the handler, from the search for it on
    void* adjusted;
    _Unwind_Exception unwind_header;
};
struct thread_exceptions {
    handled_exception* caught;
    unsigned int uncaught;
};
thread_exceptions& exceptions_of_this_thread() noexcept {
    return *reinterpret_cast<thread_exceptions*>(abi::__cxa_get_globals());
}

extern "C" _Unwind_Reason_Code __gxx_personality_v0(int, _Unwind_Action, _Unwind_Exception_Class, _Unwind_Exception*,
                                                    _Unwind_Context*);

/// An exception on its way from an await: which handler the body has for it there.
struct thrown_exception {
    const task_body* body = nullptr;
    const handled_exception* exception = nullptr;
    _Unwind_Ptr landing_pad = 0;
    int handler_switch_value = 0;
    const void* site = nullptr;
    const std::type_info* type = nullptr;
};
constinit thread_local thrown_exception on_its_way;

/// "GNUCC++" and a byte that says whose exception it is.
bool is_of_this_abi(const handled_exception& exception) noexcept {
    return exception.unwind_header.exception_class >> 8 == 0x474E5543432B2BU;
}

struct search {
    handled_exception* exception;
    bool is_own_frame = true;
    bool has_found = false;
};
_Unwind_Reason_Code look_for_handler(_Unwind_Context* frame, void* argument) {
    search& wanted = *static_cast<search*>(argument);
    if (std::exchange(wanted.is_own_frame, false) || _Unwind_GetLanguageSpecificData(frame) == nullptr) return _URC_NO_REASON;
    _Unwind_Exception& header = wanted.exception->unwind_header;
    wanted.has_found = __gxx_personality_v0(1, _UA_SEARCH_PHASE, header.exception_class, &header, frame) == _URC_HANDLER_FOUND;
    return wanted.has_found ? _URC_END_OF_STACK : _URC_NO_REASON;
}

/// Throws it and keeps in mind which handler has to be the first one that sees it.
[[noreturn, gnu::noinline]] void throw_and_follow(const await_point& at, const std::exception_ptr& failure,
                                                  const std::type_info* type) {
    awaits.add(at.site, type);
    const task_body* const body = &at.body();
    const void* const site = at.site;
    try {
        std::rethrow_exception(failure);
    } catch (...) {
        search wanted{exceptions_of_this_thread().caught};
        if (is_of_this_abi(*wanted.exception)) _Unwind_Backtrace(&look_for_handler, &wanted);
        if (wanted.has_found) {
            on_its_way = {body, wanted.exception, wanted.exception->landing_pad, wanted.exception->handler_switch_value, site,
                          type};
        }
        throw;
    }
}

/// Destructors that ask whether an exception is on its way are told so, as if there were one.
class counted_as_exception {
public:
    counted_as_exception() noexcept : exceptions_(exceptions_of_this_thread()) { ++exceptions_.uncaught; }
    ~counted_as_exception() { --exceptions_.uncaught; }
    counted_as_exception(const counted_as_exception&) = delete;
    counted_as_exception& operator=(const counted_as_exception&) = delete;

private:
    thread_exceptions& exceptions_;
};

#else

struct counted_as_exception {
    counted_as_exception() noexcept {}  // nobody knows how; only bodies that say so themselves are ended here
};

#endif

}  // namespace

#if defined(__GLIBCXX__)

// An exception_ptr is a pointer to its exception, of which it has a share; the share moves into the word and out of it.
// Nothing is allocated: the failure may be that there is no memory.
void task_word::fail(std::exception_ptr failure) noexcept {
    static_assert(sizeof(std::exception_ptr) == sizeof(word_));
    alignas(std::exception_ptr) std::byte kept[sizeof(std::exception_ptr)];
    ::new (static_cast<void*>(kept)) std::exception_ptr(std::move(failure));  // never destroyed
    std::memcpy(&word_, kept, sizeof(word_));
    word_ |= is_failure;
}

std::exception_ptr task_word::take_failure() noexcept {
    const std::uintptr_t exception = std::exchange(word_, 0) & ~is_failure;
    std::exception_ptr failure;
    std::memcpy(static_cast<void*>(&failure), &exception, sizeof(exception));  // it had none
    return failure;
}

#else

void task_word::fail(std::exception_ptr failure) noexcept {
    auto* const kept = ::new (allocate_frame(sizeof(kept_failure))) kept_failure{std::move(failure)};
    word_ = reinterpret_cast<std::uintptr_t>(kept) | is_failure;
}

std::exception_ptr task_word::take_failure() noexcept {
    auto* const kept = reinterpret_cast<kept_failure*>(std::exchange(word_, 0) & ~is_failure);
    std::exception_ptr failure = std::move(kept->failure);
    kept->~kept_failure();
    free_frame(kept, sizeof(kept_failure));
    return failure;
}

#endif

#if defined(__GLIBCXX__) && !defined(__ARM_EABI_UNWINDER__)

void throw_in_body(const await_point& at, std::exception_ptr failure) {
    const std::type_info* const type = type_of(failure);
    if (at.site != nullptr && awaits.of(at.site, type) == known_awaits::fate::unknown) throw_and_follow(at, failure, type);
    std::rethrow_exception(std::move(failure));
}

void reached_the_end(const task_body& body) noexcept {
    if (on_its_way.body != &body) return;
    const thrown_exception thrown = std::exchange(on_its_way, thrown_exception());
    // A handler that has seen it and threw it on began another search, which found another place to land at.
    const handled_exception* const caught = exceptions_of_this_thread().caught;
    if (caught == thrown.exception && caught->landing_pad == thrown.landing_pad &&
        caught->handler_switch_value == thrown.handler_switch_value)
        awaits.found_uncaught(thrown.site, thrown.type);
}

bool would_end(const await_point& at, const std::type_info* type) noexcept {
    return at.site != nullptr && at.body().awaiter() != nullptr && awaits.of(at.site, type) == known_awaits::fate::uncaught;
}

#else

void throw_in_body(const await_point&, std::exception_ptr failure) { std::rethrow_exception(std::move(failure)); }
void reached_the_end(const task_body&) noexcept {}
bool would_end(const await_point&, const std::type_info*) noexcept { return false; }

#endif

void end_bodies(await_point* at, std::exception_ptr failure) noexcept {
    const std::type_info* const type = type_of(failure);
    std::coroutine_handle<> left;
    {
        const counted_as_exception counted;
        for (bool ends = true; ends;) {
            await_point* const above = at->body().awaiter();
            above->awaited->forget();  // nobody ends its frame a second time
            at->coroutine().destroy();
            at = above;
            ends = would_end(*at, type);
        }
        at->awaited->fail(std::move(failure));
        left = at->coroutine();
    }
    resume_nested(left);
}

}  // namespace async::detail
