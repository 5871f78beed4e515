#pragma once

#include <gtest/gtest.h>

#include <sys/resource.h>

/// How much more memory than when it was made this process had at its worst.
class PeakMemory {
public:
    /// Under AddressSanitizer, which keeps what was freed, nothing is expected.
    void expect_below(long mebibytes) const {
#ifndef __SANITIZE_ADDRESS__
        EXPECT_LT(kibibytes() - before_, mebibytes * 1024) << "kibibytes";
#else
        static_cast<void>(mebibytes);
        static_cast<void>(before_);
#endif
    }

private:
    static long kibibytes() {
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
    }

    long before_ = kibibytes();
};
