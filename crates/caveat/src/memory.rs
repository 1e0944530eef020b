//! How much memory this process may still use: what the machine, its control group and the shell's limit leave.

use std::path::Path;

/// Lets the theory know how much memory is free, so that it refuses what does not fit. Call it once, before any computation.
pub fn watch_memory() {
    caveat_theory::memory::watch(free);
}

/// Free bytes; `None` where the system does not tell, as outside Linux.
fn free() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| kilobytes(&text, "MemAvailable:"));
    let group = read(Path::new("/proc/self/cgroup")).and_then(|text| group_free(&text, &read));
    let shell = read(Path::new("/proc/self/limits")).and_then(|text| {
        let used = read(Path::new("/proc/self/status")).and_then(|text| kilobytes(&text, "VmSize:"))?;
        Some(address_space(&text)?.saturating_sub(used))
    });
    [machine, group, shell].into_iter().flatten().min()
}

/// The number in a line such as `MemAvailable:  123 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|number| number << 10)
}

/// The soft limit of `Max address space` in /proc/self/limits; `None` for none.
fn address_space(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What the narrowest control group above this process leaves: its limit minus the memory in use, without cache that can be freed.
fn group_free(groups: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let number = |path: &Path| read(path)?.trim().parse::<u64>().ok();
    let mut least: Option<u64> = None;
    for line in groups.lines() {
        // hierarchy:controllers:path; version 2 has no controllers.
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, limit, used, cache) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file "),
            c if c.split(',').any(|c| c == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")
            }
            _ => continue,
        };
        // In a container the path may be that of the host; then the root is the container's own group.
        let own = Path::new(root).join(path.trim_start_matches('/'));
        for group in own.ancestors().take_while(|group| group.starts_with(root)) {
            let Some(limit) = number(&group.join(limit)) else { continue };
            let Some(used) = number(&group.join(used)) else { continue };
            let cached = read(&group.join("memory.stat"))
                .and_then(|stat| stat.lines().find_map(|line| line.strip_prefix(cache)?.trim().parse::<u64>().ok()));
            let free = limit.saturating_sub(used.saturating_sub(cached.unwrap_or(0)));
            least = Some(least.map_or(free, |least| least.min(free)));
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read() {
        assert_eq!(kilobytes("MemTotal: 9 kB\nMemAvailable:   123 kB\n", "MemAvailable:"), Some(123 << 10));
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(address_space(limits), None);
        assert_eq!(address_space(&limits.replacen("unlimited", "1000000  ", 1)), Some(1_000_000));
        assert!(!cfg!(target_os = "linux") || free().is_some_and(|free| free > 1 << 20));
    }

    #[test]
    fn the_narrowest_group_counts_and_its_cache_is_free() {
        let files = |path: &Path| {
            let text = match path.to_str()? {
                "/sys/fs/cgroup/user/job/memory.max" => "max",
                "/sys/fs/cgroup/user/memory.max" => "5000",
                "/sys/fs/cgroup/user/memory.current" => "3000",
                "/sys/fs/cgroup/user/memory.stat" => "anon 1\ninactive_file 500\nactive_file 7",
                "/sys/fs/cgroup/memory/job/memory.limit_in_bytes" => "9000",
                "/sys/fs/cgroup/memory/job/memory.usage_in_bytes" => "1000",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(group_free("0::/user/job\n", &files), Some(2_500));
        assert_eq!(group_free("4:cpu:/x\n7:memory:/job\n", &files), Some(8_000));
        assert_eq!(group_free("0::/other\n", &files), None);
    }
}
