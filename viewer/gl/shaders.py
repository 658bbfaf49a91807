"""The programs that run on the graphics card (GLSL 1.20): balls, segments, light around both, a picture over all.

Segments are flat pieces that face the eye, as wide as the cable and with round ends, shaded like a cylinder; balls
are shaded like spheres and have their depth. Every vertex names its cell (``a_slot``), so that a new moment needs new
textures only: ``u_cell`` the colour of each cell, ``u_age`` how long ago its last four spikes were, in ms, and
``u_voltage`` the voltage of each compartment as a fraction of the colour map, below 0 where it is not known.
Textures are ``WIDTH`` texels wide.
"""

from __future__ import annotations

from typing import Final

from neurosim.viewer.gl.modes import VOLTAGE

WIDTH: Final = 2048

_SHARED_VERTEX: Final = """
uniform mat4 u_view;
uniform mat4 u_projection;
uniform vec2 u_size;
uniform vec4 u_plane;
uniform float u_near;
uniform float u_least;
uniform sampler2D u_cell;
uniform sampler2D u_age;
uniform sampler2D u_voltage;
uniform vec3 u_rows;
varying vec4 v_colour;
varying vec4 v_age;
varying float v_voltage;
varying float v_cut;
varying float v_depth;

vec4 texel(sampler2D table, float index, float rows) {
    float row = floor((index + 0.5) / WIDTH);
    return texture2DLod(table, vec2((index - row * WIDTH + 0.5) / WIDTH, (row + 0.5) / rows), 0.0);
}

void look_up(float slot, float node) {
    v_colour = vec4(0.0);
    v_age = vec4(0.0);
    v_voltage = -1.0;
#if MODE == 1
    v_voltage = node < 0.0 ? -1.0 : texel(u_voltage, node, u_rows.z).r;
#else
    v_colour = texel(u_cell, slot, u_rows.x);
#endif
#if MODE == 0
    v_age = texel(u_age, slot, u_rows.y);
#endif
}
"""

_SHARED_FRAGMENT: Final = """
uniform sampler2D u_map;
uniform vec3 u_background;
uniform vec3 u_unknown;
uniform vec3 u_warm;
uniform vec3 u_hot;
uniform vec2 u_fog;
uniform float u_glow;
uniform float u_tau;
uniform float u_velocity;
varying vec4 v_colour;
varying vec4 v_age;
varying float v_voltage;
varying float v_cut;
varying float v_depth;

float seen_from_here() {
    float deep = (v_depth - 2.0 * u_fog.x + u_fog.y) / (2.0 * (u_fog.y - u_fog.x));
    return mix(1.0, 0.1, clamp(deep, 0.0, 1.0));
}

float wave(float path) {
    vec4 since = v_age - vec4(path / u_velocity);
    since += 1e9 * step(since, vec4(-1e-6));
    return exp(-max(0.0, min(min(since.x, since.y), min(since.z, since.w))) / u_tau);
}

vec3 lit(float path, float shade, float thin) {
    vec3 colour = v_colour.rgb;
    float glow = 0.0;
#if MODE == 0
    glow = wave(path);
    colour = mix(colour * shade, mix(u_warm, u_hot, glow * glow) * mix(1.0, shade, 0.3), glow * u_glow);
#elif MODE == 1
    vec2 place = vec2((clamp(v_voltage, 0.0, 1.0) * 255.0 + 0.5) / 256.0, 0.5);
    colour = shade * (v_voltage < -0.5 ? u_unknown : texture2D(u_map, place).rgb);
#else
    colour *= shade;
#endif
    float fog = clamp((v_depth - u_fog.x) / (u_fog.y - u_fog.x), 0.0, 1.0) * FOG * (1.0 - 0.7 * glow);
    float cover = mix(thin, 1.0, 0.7 * glow);
    return mix(u_background, colour, cover * (1.0 - fog));
}
"""

SEGMENT_VERTEX: Final = (
    _SHARED_VERTEX
    + """
uniform float u_wider;
attribute vec3 a_from;
attribute vec3 a_to;
attribute vec4 a_size;
attribute vec2 a_names;
attribute float a_corner;
varying vec4 v_place;
varying vec4 v_shape;

void main() {
    look_up(a_names.x, a_names.y);
    vec4 from = u_view * vec4(a_from, 1.0);
    vec4 to = u_view * vec4(a_to, 1.0);
    vec4 size = a_size;
    vec2 cut = vec2(dot(vec4(a_from, 1.0), u_plane), dot(vec4(a_to, 1.0), u_plane));
    if (max(from.z, to.z) > -u_near) {
        if (min(from.z, to.z) > -u_near) { gl_Position = vec4(0.0, 0.0, 2.0, 1.0); return; }
        float at = (-u_near - from.z) / (to.z - from.z);
        vec4 edge = mix(from, to, at);
        vec2 middle = mix(size.xz, size.yw, at);
        float plane = mix(cut.x, cut.y, at);
        if (from.z > -u_near) { from = edge; size.xz = middle; cut.x = plane; }
        else { to = edge; size.yw = middle; cut.y = plane; }
    }
    vec4 clip0 = u_projection * from;
    vec4 clip1 = u_projection * to;
    vec2 pixel0 = clip0.xy / clip0.w * u_size * 0.5;
    vec2 pixel1 = clip1.xy / clip1.w * u_size * 0.5;
    vec2 true_radius = size.xy * u_projection[1][1] * u_size.y * 0.5 / vec2(clip0.w, clip1.w);
    vec2 radius = max(true_radius, vec2(u_least)) + u_wider;
    vec2 along = pixel1 - pixel0;
    float span = length(along);
    along = span > 1e-4 ? along / span : vec2(1.0, 0.0);
    vec2 across = vec2(-along.y, along.x);
    float end = a_corner < 1.5 ? 0.0 : 1.0;
    float side = mod(a_corner, 2.0) < 0.5 ? -1.0 : 1.0;
    float widest = max(radius.x, radius.y);
    vec2 local = vec2(mix(-radius.x, span + radius.y, end), side * widest);
    vec2 ndc = (pixel0 + along * local.x + across * local.y) / (u_size * 0.5);
    float depth = mix(clip0.z / clip0.w, clip1.z / clip1.w, end);
    gl_Position = vec4(ndc, depth, 1.0);
    float here = span > 1e-4 ? local.x / span : end;
    v_place = vec4(local, span, mix(size.z, size.w, clamp(here, 0.0, 1.0)));
    float thin = mix(true_radius.x, true_radius.y, end) / mix(radius.x, radius.y, end);
    v_shape = vec4(radius, mix(LEAST_COVER, 1.0, thin), 0.0);
    v_cut = mix(cut.x, cut.y, end);
    v_depth = -mix(from.z, to.z, end);
}
"""
)

SEGMENT_FRAGMENT: Final = (
    _SHARED_FRAGMENT
    + """
varying vec4 v_place;
varying vec4 v_shape;

void main() {
    if (v_cut < 0.0) discard;
    vec2 at = v_place.xy;
    float span = v_place.z;
    float part = span > 1e-4 ? clamp(at.x / span, 0.0, 1.0) : 0.0;
    float radius = mix(v_shape.x, v_shape.y, part);
    float beyond = at.x - clamp(at.x, 0.0, span);
    float away = length(vec2(beyond, at.y)) / radius;
    if (away > 1.0) discard;
    float off = at.y / radius;
    float shade = mix(1.0, 0.4 + 0.6 * sqrt(max(0.0, 1.0 - off * off)), smoothstep(1.0, 4.0, radius));
    gl_FragColor = vec4(lit(v_place.w, shade, v_shape.z), 1.0);
}
"""
)

LINE_VERTEX: Final = (
    _SHARED_VERTEX
    + """
attribute vec3 a_end;
attribute vec4 a_facts;
varying float v_path;
varying float v_thin;

void main() {
    vec4 place = u_view * vec4(a_end, 1.0);
    gl_Position = u_projection * place;
    float radius = a_facts.x * u_projection[1][1] * u_size.y * 0.5 / max(-place.z, u_near);
    v_thin = mix(LEAST_COVER, 1.0, min(1.0, radius / u_least));
    v_path = a_facts.y;
    v_cut = dot(vec4(a_end, 1.0), u_plane);
    v_depth = -place.z;
    look_up(a_facts.z, a_facts.w);
}
"""
)

LINE_FRAGMENT: Final = (
    _SHARED_FRAGMENT
    + """
varying float v_path;
varying float v_thin;

void main() {
    if (v_cut < 0.0) discard;
    gl_FragColor = vec4(lit(v_path, 1.0, v_thin), 1.0);
}
"""
)

BALL_VERTEX: Final = (
    _SHARED_VERTEX
    + """
uniform float u_halo;
uniform float u_wider;
uniform float u_least_ball;
attribute vec3 a_centre;
attribute vec3 a_ball;
attribute float a_corner;
varying vec3 v_ball;
varying vec3 v_middle;

void main() {
    vec4 centre = u_view * vec4(a_centre, 1.0);
    v_cut = dot(vec4(a_centre, 1.0), u_plane);
    if (centre.z > -u_near || v_cut < 0.0) { gl_Position = vec4(0.0, 0.0, 2.0, 1.0); return; }
    float per_um = u_projection[1][1] * u_size.y * 0.5 / -centre.z;
    float pixels = max(a_ball.x * per_um, u_least_ball);
    float thin = mix(0.35, 1.0, min(1.0, a_ball.x * per_um / u_least_ball));
    vec2 corner = vec2(mod(a_corner, 2.0) < 0.5 ? -1.0 : 1.0, a_corner < 1.5 ? -1.0 : 1.0);
    float reach = pixels * u_halo + u_wider;
    vec4 clip = u_projection * centre;
    gl_Position = vec4(clip.xy / clip.w + corner * reach / (u_size * 0.5), clip.z / clip.w, 1.0);
    v_ball = vec3(corner, thin);
    v_middle = vec3(centre.z, pixels / per_um, pixels);
    v_depth = -centre.z;
    look_up(a_ball.y, a_ball.z);
}
"""
)

BALL_FRAGMENT: Final = (
    _SHARED_FRAGMENT
    + """
uniform mat4 u_projection;
varying vec3 v_ball;
varying vec3 v_middle;

void main() {
    float away = dot(v_ball.xy, v_ball.xy);
    if (away > 1.0) discard;
    float round = sqrt(1.0 - away);
    float z = v_middle.x + round * v_middle.y;
    gl_FragDepth = 0.5 + 0.5 * clamp((u_projection[2][2] * z + u_projection[3][2]) / -z, -1.0, 1.0);
    vec3 light = normalize(vec3(-0.35, 0.55, 0.8));
    float shade = 0.5 + 0.55 * max(0.0, dot(vec3(v_ball.xy, round), light));
    shade = mix(1.0, shade, smoothstep(1.5, 5.0, v_middle.z));
    gl_FragColor = vec4(lit(0.0, shade, v_ball.z), 1.0);
}
"""
)

GLOW_FRAGMENT: Final = (
    _SHARED_FRAGMENT
    + """
uniform float u_strength;
varying vec4 v_place;
varying vec4 v_shape;

void main() {
    if (v_cut < 0.0) discard;
    float span = v_place.z;
    float part = span > 1e-4 ? clamp(v_place.x / span, 0.0, 1.0) : 0.0;
    float beyond = v_place.x - clamp(v_place.x, 0.0, span);
    float away = length(vec2(beyond, v_place.y)) / mix(v_shape.x, v_shape.y, part);
    float glow = wave(v_place.w);
    if (away > 1.0 || glow < 0.01) discard;
    float light = seen_from_here() * u_strength * u_glow * glow * (1.0 - away) * (1.0 - away);
    gl_FragColor = vec4(mix(u_warm, u_hot, 0.3 * glow) * light, light);
}
"""
)

HALO_FRAGMENT: Final = (
    _SHARED_FRAGMENT
    + """
uniform float u_strength;
varying vec3 v_ball;

void main() {
    float away = dot(v_ball.xy, v_ball.xy);
    float glow = wave(0.0);
    if (away > 1.0 || glow < 0.02) discard;
    float fade = exp(-5.5 * away) * (1.0 - smoothstep(0.8, 1.0, sqrt(away)));
    float light = seen_from_here() * fade * glow * u_glow * u_strength;
    gl_FragColor = vec4(mix(u_warm, u_hot, 0.35 * glow) * light, light);
}
"""
)

OVERLAY_VERTEX: Final = """
attribute vec2 a_place;
varying vec2 v_place;

void main() {
    v_place = vec2(a_place.x * 0.5 + 0.5, 0.5 - a_place.y * 0.5);
    gl_Position = vec4(a_place, 0.0, 1.0);
}
"""

OVERLAY_FRAGMENT: Final = """
uniform sampler2D u_picture;
varying vec2 v_place;

void main() {
    gl_FragColor = texture2D(u_picture, v_place);
}
"""


PROGRAMS: Final = {
    "segment": (SEGMENT_VERTEX, SEGMENT_FRAGMENT),
    "line": (LINE_VERTEX, LINE_FRAGMENT),
    "ball": (BALL_VERTEX, BALL_FRAGMENT),
    "glow": (SEGMENT_VERTEX, GLOW_FRAGMENT),
    "halo": (BALL_VERTEX, HALO_FRAGMENT),
}
"""Vertex and fragment program of each kind of thing."""


def with_constants(text: str, mode: int) -> str:
    """Return a program's text for a ``Moment.mode``, with its constants at the head."""
    constants = {
        "WIDTH": f"{WIDTH}.0",
        "FOG": "0.5",
        "LEAST_COVER": "0.75" if mode == VOLTAGE else "0.45",
        "MODE": f"{mode}",
    }
    return "".join(f"#define {name} {value}\n" for name, value in constants.items()) + text
