#pragma once

#include <modapi/hosting/bus.h>

#include <cstddef>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace modapi {

/// What a bus has yet to send. Thread: any.
class BusOutbox {
public:
    struct Batch {
        std::vector<BusMessage> messages;
        bool after_gap = false;  ///< messages were dropped before these
    };

    /// `capacity`: with as many messages it is full: all are dropped then, and those who hear the next ones are told so.
    explicit BusOutbox(std::size_t capacity) : capacity_(capacity) {}

    /// One that is the same as one that waits goes with it: who hears that hears it after both were published. While the outbox
    /// is closed the message is dropped. True: nothing waited before, so that whoever sends must be woken.
    [[nodiscard]] bool put(BusMessage message);
    [[nodiscard]] bool is_empty() const;
    /// All that waits.
    [[nodiscard]] Batch take();
    /// What is put is kept from now on.
    void open();
    /// Nothing can be sent: drops what waits, and what comes.
    void close();
    /// What was taken may not have arrived.
    void note_gap();

private:
    mutable std::mutex mutex_;
    std::size_t capacity_;
    bool is_open_ = false;
    Batch waiting_;
    std::set<std::pair<std::string, std::string>> known_;  ///< topic and text of what waits
};

}  // namespace modapi
