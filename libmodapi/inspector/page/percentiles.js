// How long calls took between two answers of the server, which counts durations in buckets since its start.

const bucketsOf = (counts) => (Array.isArray(counts?.durations) ? counts.durations : []);

/**
 * What these parts of the calls, 0 to 1, took at most, in ms; NaN for all if there were none, or the server doesn't count them.
 *
 * A bucket is [longer than, up to, calls that waited, calls of the sample that didn't], in ms; `up to` is null for the last one. Each of the
 * sample stands for as many calls as there were of its kind.
 */
export function percentilesBetween(before, now, parts) {
  const known = new Map(bucketsOf(before).map((bucket) => [bucket[0], bucket]));
  const fresh = bucketsOf(now).map(([from, to, waited, sampled]) => {
    const [, , waitedBefore = 0, sampledBefore = 0] = known.get(from) ?? [];
    return { from, to: to ?? Math.max(from, now.longest_ms ?? from), waited: waited - waitedBefore, sampled: sampled - sampledBefore };
  });
  const sum = (of) => fresh.reduce((all, bucket) => all + of(bucket), 0);
  const sampled = sum((bucket) => bucket.sampled);
  const atOnce = now.calls - (before?.calls ?? 0) - sum((bucket) => bucket.waited);
  const weight = sampled > 0 ? Math.max(atOnce, sampled) / sampled : 0;
  const calls = (bucket) => bucket.waited + weight * bucket.sampled;
  const all = sum(calls);
  return parts.map((part) => {
    let below = 0;
    for (const bucket of fresh) {
      const here = calls(bucket);
      if (here > 0 && below + here >= part * all) return bucket.from + ((part * all - below) / here) * (bucket.to - bucket.from);
      below += here;
    }
    return NaN;
  });
}
