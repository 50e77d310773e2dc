// See router.hpp. Routes are matched segment by segment in a tree; a literal segment wins over a parameter.
#include "api/http/router.hpp"

#include <algorithm>
#include <stdexcept>

#include "api/http/target.hpp"

namespace groundtruth::http {

namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr std::size_t kMaxSegments = 16;

constexpr std::array kMethods = {Method::get,   Method::head, Method::post,   Method::put,
                                 Method::patch, Method::del,  Method::options};

std::size_t index(Method method) {
  return static_cast<std::size_t>(method);
}

// The host without its port, in a form to compare.
std::string_view host_of(const Request& request) {
  const std::string_view host = request.headers.find("Host").value_or("");
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool is_bound(const Surface& surface, std::string_view host) {
  return std::any_of(surface.hosts.begin(), surface.hosts.end(),
                     [&](const std::string& bound) { return equals_ignoring_case(bound, host); });
}

struct Segments {
  std::array<std::string_view, kMaxSegments> items;
  std::size_t count = 0;
};

// False when there are more segments than any route has.
bool split(std::string_view path, Segments& segments) {
  if (!path.starts_with('/')) return false;
  path.remove_prefix(1);
  for (;;) {
    if (segments.count == kMaxSegments) return false;
    const auto slash = path.find('/');
    segments.items[segments.count++] = path.substr(0, slash);
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

[[noreturn]] void reject(const Surface& surface, const Route& route, const char* why) {
  throw std::invalid_argument(surface.name + ": route " + std::string(to_string(route.method)) + " " +
                              std::string(route.pattern) + ": " + why);
}

}  // namespace

Router::Router(std::vector<Surface> surfaces) : surfaces_(std::move(surfaces)) {
  if (surfaces_.empty()) throw std::invalid_argument("a router needs a surface");
  for (const Surface& surface : surfaces_) trees_.push_back(plant(surface));
}

Router::Tree Router::plant(const Surface& surface) {
  Node blank;
  blank.routes.fill(kNone);
  Tree tree;
  tree.nodes.push_back(blank);
  for (std::size_t number = 0; number < surface.routes.size(); ++number) {
    const Route& route = surface.routes[number];
    Segments segments;
    if (!split(route.pattern, segments)) reject(surface, route, "malformed or too long");
    auto& names = tree.parameter_names.emplace_back();
    std::size_t at = 0;
    for (std::size_t i = 0; i < segments.count; ++i) {
      const std::string_view segment = segments.items[i];
      std::size_t next = 0;
      if (segment.starts_with('{') && segment.ends_with('}')) {
        names.emplace_back(segment.substr(1, segment.size() - 2));
        next = tree.nodes[at].parameter;
      } else {
        if (segment.find_first_of("{}") != std::string_view::npos)
          reject(surface, route, "malformed parameter");
        for (const auto& [text, node] : tree.nodes[at].literals) {
          if (text == segment) next = node;
        }
      }
      if (next == 0) {
        next = tree.nodes.size();
        if (segment.starts_with('{')) {
          tree.nodes[at].parameter = next;
        } else {
          tree.nodes[at].literals.emplace_back(segment, next);
        }
        tree.nodes.push_back(blank);
      }
      at = next;
    }
    std::size_t& slot = tree.nodes[at].routes[index(route.method)];
    if (slot != kNone) reject(surface, route, "registered twice");
    slot = number;
  }
  return tree;
}

const Surface& Router::surface_for(const Request& request) const {
  const std::string_view host = host_of(request);
  const Surface* bound = nullptr;
  for (const Surface& surface : surfaces_)
    if (!host.empty() && is_bound(surface, host)) bound = &surface;
  for (const Surface& surface : surfaces_) {
    if (bound && !surface.on_every_host && !is_bound(surface, host)) continue;
    if (surface.claims && surface.claims(request)) return surface;
  }
  return bound ? *bound : surfaces_.back();
}

namespace {

// Depth first, so that "/tasks/{id}/cancel" is found although "/tasks/feed" exists too.
template <class Nodes, class Visit>
bool walk(const Nodes& nodes, std::size_t at, const Segments& segments, std::size_t depth,
          std::array<std::string_view, kMaxSegments>& values, std::size_t value_count, const Visit& visit) {
  if (depth == segments.count) return visit(nodes[at]);
  const std::string_view segment = segments.items[depth];
  for (const auto& [text, next] : nodes[at].literals) {
    if (text == segment) {
      if (walk(nodes, next, segments, depth + 1, values, value_count, visit)) return true;
      break;
    }
  }
  if (nodes[at].parameter == 0 || segment.empty()) return false;
  values[value_count] = segment;
  return walk(nodes, nodes[at].parameter, segments, depth + 1, values, value_count + 1, visit);
}

}  // namespace

Match Router::match(Request& request) const {
  Match match;
  match.surface = &surface_for(request);
  const Tree& tree = trees_[static_cast<std::size_t>(match.surface - surfaces_.data())];

  // An encoded slash is part of its segment, so segments are split before they are decoded.
  std::vector<std::string> decoded;
  Segments segments;
  if (const auto raw = raw_path(request.target); raw.find('%') != std::string_view::npos) {
    if (!split(raw, segments)) return match;
    decoded.reserve(segments.count);
    for (std::size_t i = 0; i < segments.count; ++i) {
      auto segment = percent_decode(segments.items[i]);
      if (!segment) return match;
      segments.items[i] = decoded.emplace_back(std::move(*segment));
    }
  } else if (!split(request.path, segments)) {
    return match;
  }

  std::array<std::string_view, kMaxSegments> values;
  std::size_t route = kNone;
  std::array<bool, kMethods.size()> seen{};
  walk(tree.nodes, 0, segments, 0, values, 0, [&](const Node& node) {
    route = node.routes[index(request.method)];
    if (route == kNone && request.method == Method::head) route = node.routes[index(Method::get)];
    for (const Method method : kMethods) {
      if (node.routes[index(method)] != kNone) seen[index(method)] = true;
    }
    return route != kNone;
  });
  if (route != kNone) {
    match.route = &match.surface->routes[route];
    const auto& names = tree.parameter_names[route];
    for (std::size_t i = 0; i < names.size(); ++i) request.params.emplace_back(names[i], values[i]);
    return match;
  }
  if (std::none_of(seen.begin(), seen.end(), [](bool has) { return has; })) return match;
  if (seen[index(Method::get)]) seen[index(Method::head)] = true;
  seen[index(Method::options)] = true;
  for (const Method method : kMethods) {
    if (seen[index(method)]) match.allowed.push_back(method);
  }
  return match;
}

}  // namespace groundtruth::http
