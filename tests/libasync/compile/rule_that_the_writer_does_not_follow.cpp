// expect-error: the writer of this callback's answer follows another combine rule than the callback is declared with
#include <async/writer_dispatch.h>

struct Everything {
    static int subject_of(int value) { return value; }
    bool matches_all() const { return true; }
    bool matches(int) const { return true; }
};
struct Sum {
    using combine_rule = async::last_wins_per_key;
    void write(int) {}
    int memory() const { return 0; }
    int take() { return 0; }
};
struct Summed {
    using dispatched = int;
    using writer = Sum;
    using interest = Everything;
};

async::dispatch<"sum", Summed(int), async::union_per_key, async::propagate> sums;
