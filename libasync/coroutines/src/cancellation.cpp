#include <async/cancellation.h>

namespace async {

void throw_cancelled(cancel_reason reason) {
    if (reason == cancel_reason::deadline) throw deadline_exceeded();
    throw operation_cancelled(reason);
}

void cancellation_registration::leave_source() noexcept {
    if (source_->walking_ == this) source_->walking_ = next_;
    if (previous_ != nullptr) {
        previous_->next_ = next_;
    } else {
        source_->first_ = next_;
    }
    if (next_ != nullptr) next_->previous_ = previous_;
    source_ = nullptr;
    previous_ = next_ = nullptr;
}

cancellation_source::cancellation_source(cancellation_source* parent, cancel_reason min_reason) : parent_(*this) {
    if (parent == nullptr) return;
    parent->add(parent_, min_reason);
    if (parent->requested() >= min_reason) requested_ = parent->requested();
}

void cancellation_source::end_with(cancellation_source& parent, cancel_reason min_reason) {
    parent.add(parent_, min_reason);
    if (parent.requested() >= min_reason) request(parent.requested());
}

void cancellation_source::forget_all() noexcept {
    while (first_ != nullptr) first_->unregister();
}

void cancellation_source::request(cancel_reason reason) {
    if (reason <= requested_) return;
    requested_ = reason;
    for (cancellation_registration* current = first_; current != nullptr; current = walking_) {
        walking_ = current->next_;
        if (reason < current->min_reason_) continue;
        current->on_cancel_(*current, reason);
    }
    walking_ = nullptr;
}

void cancellation_source::add(cancellation_registration& registration, cancel_reason min_reason) noexcept {
    registration.unregister();
    registration.source_ = this;
    registration.min_reason_ = min_reason;
    registration.previous_ = nullptr;
    registration.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &registration;
    first_ = &registration;
}

}  // namespace async
