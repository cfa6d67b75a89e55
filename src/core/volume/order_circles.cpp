// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/order_circles.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/volume/unit_text.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <ranges>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace sealmount {

namespace {

/// The first starts after the second (bootup(7)).
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> boot_order = {
    {{"local-fs.target", "local-fs-pre.target"},
     {"sysinit.target", "local-fs.target"},
     {"sysinit.target", "swap.target"},
     {"basic.target", "sysinit.target"},
     {"multi-user.target", "basic.target"},
     {"multi-user.target", "systemd-user-sessions.service"},
     {"graphical.target", "multi-user.target"},
     {"systemd-user-sessions.service", "remote-fs.target"},
     {"systemd-user-sessions.service", "network.target"},
     {"remote-fs.target", "remote-fs-pre.target"},
     {"network-online.target", "network.target"}}};

/// What a volume's list says of two units.
struct Listed {
    std::size_t volume;
    std::string_view member;
    std::string unit;  ///< which starts after
    std::string first; ///< this one
};

bool has_order(const Volume& volume) {
    return !volume.needs.empty() || !volume.before.empty() || !volume.required_by.empty();
}

class OrderOfUnits {
  public:
    explicit OrderOfUnits(const std::vector<Volume>& volumes) {
        for (const auto& [unit, first] : boot_order) {
            put(std::string{unit}, std::string{first});
        }
        for (const Volume& volume : volumes) {
            mountpoints_.insert(volume.mountpoint);
        }
        for (std::size_t i = 0; i < volumes.size(); ++i) {
            try {
                add(volumes[i], i);
            } catch (
                const Error&) { // NOLINT(bugprone-empty-catch): a path that is too long for a unit has none
            }
        }
    }

    /// Nothing in linear time where there is none: units that nothing is before are taken away until none is
    /// left.
    [[nodiscard]] bool has_circle() const {
        std::unordered_map<std::string_view, std::size_t> still_before; // by those that wait for them
        std::unordered_map<std::string_view, std::vector<std::string_view>> waiting;
        for (const auto& [unit, earlier] : after_) {
            still_before[unit] += earlier.size();
            for (const std::string& first : earlier) {
                still_before.try_emplace(first, 0);
                waiting[first].push_back(unit);
            }
        }
        std::vector<std::string_view> free;
        for (const auto& [unit, number] : still_before) {
            if (number == 0) {
                free.push_back(unit);
            }
        }
        std::size_t taken = 0;
        for (; taken < free.size(); ++taken) {
            for (const std::string_view unit : waiting[free[taken]]) {
                if (--still_before[unit] == 0) {
                    free.push_back(unit);
                }
            }
        }
        return taken < still_before.size();
    }

    [[nodiscard]] std::optional<OrderCircle> last_circle() const {
        if (!has_circle()) {
            return std::nullopt;
        }
        for (const Listed& listed : std::views::reverse(listed_)) {
            if (auto units = way(listed.first, listed.unit); !units.empty()) {
                units.insert(units.begin(), listed.unit);
                return OrderCircle{
                    .volume = listed.volume, .member = listed.member, .units = std::move(units)};
            }
        }
        return std::nullopt;
    }

  private:
    void put(std::string unit, std::string first) { after_[std::move(unit)].push_back(std::move(first)); }

    void put_listed(const std::size_t volume, const std::string_view member, const std::string& unit,
                    const std::string& first) {
        put(unit, first);
        listed_.push_back({.volume = volume, .member = member, .unit = unit, .first = first});
    }

    void add(const Volume& volume, const std::size_t place) {
        const std::string mount = mount_unit_name(volume.mountpoint);
        const std::string started = volume.automount ? automount_unit_name(volume.mountpoint) : mount;
        put(mount, "local-fs-pre.target");
        if (volume.automount) {
            put(mount, started);
        }
        if (!volume.noauto && !volume.nofail) {
            put("local-fs.target", started);
        }
        if (volume.mountpoint == "/home" || volume.mountpoint.starts_with("/home/")) {
            put("systemd-user-sessions.service", mount);
        }
        put_outer(volume, mount);
        for (const std::string& unit : volume.needs) {
            put_listed(place, "requires", mount, unit);
        }
        for (const std::string& unit : volume.before) {
            put_listed(place, "before", unit, mount);
        }
        for (const std::string& unit : volume.required_by) {
            put_listed(place, "required_by", unit, started);
        }
    }

    /// A mount point in another volume comes after that.
    void put_outer(const Volume& volume, const std::string& mount) {
        std::string_view outer = volume.mountpoint;
        for (outer = outer.substr(0, outer.rfind('/')); !outer.empty();
             outer = outer.substr(0, outer.rfind('/'))) {
            if (mountpoints_.contains(outer)) {
                put(mount, mount_unit_name(outer));
            }
        }
    }

    /// The shortest way from one unit to another, each starting after the next; both ends are in it. Empty
    /// when there is none.
    [[nodiscard]] std::vector<std::string> way(const std::string& from, const std::string& to) const {
        std::unordered_map<std::string, std::string> came_from{{from, ""}};
        std::deque<std::string> next{from};
        while (!next.empty() && !came_from.contains(to)) {
            const std::string unit = std::move(next.front());
            next.pop_front();
            const auto found = after_.find(unit);
            if (found == after_.end()) {
                continue;
            }
            for (const std::string& first : found->second) {
                if (came_from.try_emplace(first, unit).second) {
                    next.push_back(first);
                }
            }
        }
        std::vector<std::string> units;
        for (auto at = came_from.find(to); at != came_from.end(); at = came_from.find(at->second)) {
            units.insert(units.begin(), at->first);
            if (at->second.empty()) {
                break;
            }
        }
        return units;
    }

    std::unordered_map<std::string, std::vector<std::string>> after_;
    std::unordered_set<std::string_view> mountpoints_;
    std::vector<Listed> listed_;
};

} // namespace

std::optional<OrderCircle> find_order_circle(const std::vector<Volume>& volumes) {
    if (std::ranges::none_of(volumes, has_order)) {
        return std::nullopt;
    }
    return OrderOfUnits{volumes}.last_circle();
}

std::string describe(const OrderCircle& circle) {
    std::string text = circle.units.front();
    for (std::size_t i = 1; i < circle.units.size(); ++i) {
        text += formatted("{} {}", i == 1 ? " waits for" : ", that for", circle.units[i]);
    }
    return text;
}

} // namespace sealmount
