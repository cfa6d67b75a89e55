// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/order_circles.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/volume/unit_text.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <ranges>
#include <unordered_map>
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

bool has_order(const Volume& volume) {
    return !volume.needs.empty() || !volume.before.empty() || !volume.required_by.empty();
}

class OrderOfUnits {
  public:
    explicit OrderOfUnits(const std::vector<Volume>& volumes)
        : nobody_(volumes.size()), is_out_(volumes.size() + 1, false) {
        for (const auto& [unit, first] : boot_order) {
            put(nobody_, std::string{unit}, std::string{first});
        }
        for (std::size_t i = 0; i < volumes.size(); ++i) {
            mountpoints_.emplace(volumes[i].mountpoint, i);
        }
        for (std::size_t i = 0; i < volumes.size(); ++i) {
            try {
                add(volumes[i], i);
            } catch (const Error&) { // NOLINT(bugprone-empty-catch): its path is too long for a unit
            }
        }
    }

    /// In linear time: units that nothing is before are taken away until none is left.
    [[nodiscard]] bool has_circle() const {
        std::vector<std::size_t> still_before; // by those that wait for them
        std::vector<std::vector<std::size_t>> waiting(after_.size());
        std::vector<std::size_t> free;
        for (std::size_t unit = 0; unit < after_.size(); ++unit) {
            still_before.push_back(after_[unit].size());
            for (const Order& order : after_[unit]) {
                waiting[order.first].push_back(unit);
            }
            if (after_[unit].empty()) {
                free.push_back(unit);
            }
        }
        std::size_t taken = 0;
        for (; taken < free.size(); ++taken) {
            for (const std::size_t unit : waiting[free[taken]]) {
                if (--still_before[unit] == 0) {
                    free.push_back(unit);
                }
            }
        }
        return taken < after_.size();
    }

    /// Once: its volume is left out of what comes after.
    [[nodiscard]] std::vector<OrderCircle> take_circles() {
        std::vector<OrderCircle> circles;
        for (const Listed& listed : std::views::reverse(listed_)) {
            const std::vector<std::size_t> units =
                is_out_[listed.volume] ? std::vector<std::size_t>{} : way(listed.first, listed.unit);
            if (units.empty()) {
                continue;
            }
            is_out_[listed.volume] = true;
            circles.push_back({.volume = listed.volume, .member = listed.member, .units = {}});
            circles.back().units.push_back(names_[listed.unit]);
            for (const std::size_t unit : units) {
                circles.back().units.push_back(names_[unit]);
            }
        }
        return circles;
    }

  private:
    /// A unit is its place in names_ and after_.
    struct Order {
        std::size_t first;
        std::size_t volume; ///< which says so
        std::size_t other;  ///< without which it would not be so
    };

    /// What a volume's list says of two units.
    struct Listed {
        std::size_t volume;
        std::string_view member;
        std::size_t unit;  ///< which starts after
        std::size_t first; ///< this one
    };

    std::size_t unit_of(const std::string& name) {
        const auto [place, is_new] = places_.try_emplace(name, names_.size());
        if (is_new) {
            names_.push_back(name);
            after_.emplace_back();
        }
        return place->second;
    }

    void put(const std::size_t volume, const std::string& unit, const std::string& first) {
        put(volume, nobody_, unit_of(unit), unit_of(first));
    }

    void put(const std::size_t volume, const std::size_t other, const std::size_t unit,
             const std::size_t first) {
        after_[unit].push_back({.first = first, .volume = volume, .other = other});
    }

    void put_listed(const std::size_t volume, const std::string_view member, const std::string& unit,
                    const std::string& first) {
        put(volume, unit, first);
        listed_.push_back(
            {.volume = volume, .member = member, .unit = unit_of(unit), .first = unit_of(first)});
    }

    void add(const Volume& volume, const std::size_t place) {
        const std::string mount = mount_unit_name(volume.mountpoint);
        const std::string started = volume.automount ? automount_unit_name(volume.mountpoint) : mount;
        put(place, mount, "local-fs-pre.target");
        if (volume.automount) {
            put(place, mount, started);
        }
        if (!volume.noauto && !volume.nofail) {
            put(place, "local-fs.target", started);
        }
        if (volume.mountpoint == "/home" || volume.mountpoint.starts_with("/home/")) {
            put(place, "systemd-user-sessions.service", mount);
        }
        put_outer(volume, place, mount);
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
    void put_outer(const Volume& volume, const std::size_t place, const std::string& mount) {
        std::string_view outer = volume.mountpoint;
        for (outer = outer.substr(0, outer.rfind('/')); !outer.empty();
             outer = outer.substr(0, outer.rfind('/'))) {
            if (const auto found = mountpoints_.find(outer); found != mountpoints_.end()) {
                put(place, found->second, unit_of(mount), unit_of(mount_unit_name(outer)));
            }
        }
    }

    /// The shortest way from one unit to another, each starting after the next; both ends are in it. Empty
    /// when there is none.
    [[nodiscard]] std::vector<std::size_t> way(const std::size_t from, const std::size_t to) {
        constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();
        came_from_.resize(names_.size(), nowhere);
        std::vector<std::size_t> seen{from};
        came_from_[from] = from;
        for (std::size_t i = 0; i < seen.size() && came_from_[to] == nowhere; ++i) {
            for (const Order& order : after_[seen[i]]) {
                if (came_from_[order.first] == nowhere && !is_out_[order.volume] && !is_out_[order.other]) {
                    came_from_[order.first] = seen[i];
                    seen.push_back(order.first);
                }
            }
        }
        std::vector<std::size_t> units;
        if (came_from_[to] != nowhere) {
            for (units.push_back(to); units.back() != from;) {
                units.push_back(came_from_[units.back()]);
            }
        }
        std::ranges::reverse(units);
        for (const std::size_t unit : seen) {
            came_from_[unit] = nowhere;
        }
        return units;
    }

    std::unordered_map<std::string, std::size_t> places_;
    std::vector<std::string> names_;
    std::vector<std::vector<Order>> after_;
    std::vector<Listed> listed_;
    std::unordered_map<std::string_view, std::size_t> mountpoints_; ///< and the volume's place
    std::size_t nobody_;                                            ///< in the place of a volume
    std::vector<bool> is_out_;                                      ///< by volumes
    std::vector<std::size_t> came_from_;                            ///< of way(), which leaves it empty
};

} // namespace

std::vector<OrderCircle> find_order_circles(const std::vector<Volume>& volumes) {
    if (std::ranges::none_of(volumes, has_order)) {
        return {};
    }
    OrderOfUnits order{volumes};
    return order.has_circle() ? order.take_circles() : std::vector<OrderCircle>{};
}

std::string describe(const OrderCircle& circle) {
    std::string text = circle.units.front();
    for (std::size_t i = 1; i < circle.units.size(); ++i) {
        text += formatted("{} {}", i == 1 ? " waits for" : ", that for", circle.units[i]);
    }
    return text;
}

} // namespace sealmount
