/**
 * The shading programs (GLSL ES 3). One text for each kind of thing; `#define`s make the variants:
 * PICK writes numbers of cells instead of colours, HALO the light around what fires.
 *
 * The wave along a branch is schematic: a spike is seen leaving the soma at a constant velocity and fading,
 * `exp(-(t - t_spike - path / velocity) / tau)`. Nothing of it is on the wire but the time of the spike.
 */

const COMMON = `
precision highp float;
precision highp int;
precision highp sampler2D;
uniform mat4 uView, uProjection;
uniform vec2 uHalf;           // half of the picture in pixels
uniform float uScale;         // pixels of 1 um at a distance of 1 um
uniform float uNear;
uniform float uTime, uTau, uVelocity, uRateWindow;
uniform int uMode;            // 0 spikes, 1 voltage, 2 categories, 3 rate
uniform float uGlow, uDim;
uniform vec2 uRange;          // ends of the colour map: mV or Hz
uniform vec3 uBack, uHot, uWhite, uAccent;
uniform vec3 uFog;            // nearest, farthest, most
uniform vec4 uClip;           // drawn where dot(xyz, place) + w >= 0
uniform sampler2D uActivity, uVoltage, uPalette, uMap;
uniform vec2 uVoltageEnds;
uniform int uPixel;           // smallest width in pixels
uniform float uVeil;          // 1; less for what is seen through other things

vec2 activityOf(uint rank) {
  uint width = uint(textureSize(uActivity, 0).x);
  return texelFetch(uActivity, ivec2(int(rank % width), int(rank / width)), 0).rg;
}

/** Voltage in mV, or below the lower end of the wire's scale where none is known (byte 0). */
float voltageAt(int at) {
  int width = textureSize(uVoltage, 0).x;
  float value = texelFetch(uVoltage, ivec2(at % width, at / width), 0).r;
  return value == 0.0 ? uVoltageEnds.x - 1.0 : mix(uVoltageEnds.x, uVoltageEnds.y, value);
}

vec3 mapped(float x) {
  return texture(uMap, vec2((clamp(x, 0.0, 1.0) * 255.0 + 0.5) / 256.0, 0.5)).rgb;
}

float ofRate(float rate) {
  return log2(1.0 + rate) / log2(1.0 + uRange.y);
}

vec3 unknownColour() {
  return mix(uBack, uAccent, 0.16);
}

/** Colour of a cell or a compartment without light and glow. */
vec3 plainColour(uint kind, int voltage, vec2 activity) {
  if (uMode == 1) {
    if (voltage < 0) return unknownColour();
    float mV = voltageAt(voltage);
    return mV < uVoltageEnds.x ? unknownColour() : mapped((mV - uRange.x) / (uRange.y - uRange.x));
  }
  if (uMode == 3) return mapped(ofRate(activity.y * exp(-max(0.0, uTime - activity.x) / uRateWindow)));
  vec3 colour = texelFetch(uPalette, ivec2(int(kind), 0), 0).rgb;
  return uMode == 0 ? mix(uBack, colour, uDim) : colour;
}

/** How bright a spike is, this long ago. */
float glowAfter(float age) {
  return age < 0.0 ? 0.0 : exp(-age / uTau);
}

/** Light of a spike over a colour; the root keeps what fades warm instead of grey. */
vec3 withGlow(vec3 colour, float glow) {
  vec3 light = mix(uHot, uWhite, glow * glow);
  float strength = clamp(glow * uGlow, 0.0, 1.0);
  return mix(colour, light * mix(0.75, 1.0, strength), pow(strength, 0.65));
}

vec3 withFog(vec3 colour, float depth) {
  return mix(colour, uBack, (uVeil < 1.0 ? 0.3 : 1.0) * uFog.z * smoothstep(uFog.x, uFog.y, depth));
}
`;

const PICK_OUT = `
#ifdef PICK
layout(location = 0) out uvec4 outId;
#else
layout(location = 0) out vec4 outColour;
#endif
`;

const SOMA_VERTEX = `#version 300 es
${COMMON}
#ifdef INSTANCE
in vec3 aPlace; in uint aRank; in uint aKind; in float aRadius; in int aVoltage;
#else
in vec3 aPlace; in uint aRank; in uint aKind; in float aRadius; in int aVoltage; in uint aFlags;
uniform vec3 uBox;
#endif
uniform float uNodeRate;      // mean rate of the node's cells in Hz; below 0: each cell has its own
uniform float uGrow;
flat out vec3 vColour;
flat out float vGlow, vFade, vSelected;
flat out uint vRank;
flat out vec4 vBall;          // middle in the camera's space, radius
out vec2 vAt;
void main() {
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = 1.0;
#ifdef INSTANCE
  vec3 place = aPlace;
  uint flags = aKind >> 16;
  uint kind = aKind & 0xffffu;
#else
  vec3 place = (aPlace - 0.5) * uBox;
  uint flags = aFlags;
  uint kind = aKind;
  if ((flags & 4u) != 0u) return;
#endif
  if (dot(uClip.xyz, place) + uClip.w < 0.0) return;
  vec4 middle = uView * vec4(place, 1.0);
  float depth = -middle.z;
  vec2 activity = activityOf(aRank);
  float glow = glowAfter(uTime - activity.x);
  if (uNodeRate >= 0.0) {
    // A few cells stand for many: by the rate of all, on the scale of octaves up to 50 Hz.
    glow = max(glow, 0.9 * clamp(log2(1.0 + uNodeRate) / log2(51.0), 0.0, 1.0));
    activity = vec2(uTime, uNodeRate);
  }
#ifdef HALO
  if (glow < 0.03 || uGlow <= 0.0) return;
#endif
  if (depth < uNear) return;
  bool selected = (flags & 1u) != 0u;
  float radius = aRadius;
  float pixels = radius * uScale / depth;
  float least = (selected ? 3.0 : (flags & 2u) != 0u ? 2.5 : 0.75) * float(uPixel);
  if (uNodeRate >= 0.0) least = max(least, 1.1 * float(uPixel));
  vFade = uNodeRate >= 0.0 ? 1.0 : clamp(pixels / least, 0.4, 1.0);
  if (glow > 0.05 && uGlow > 0.0) { vFade = 1.0; least = max(least, 1.3 * float(uPixel)); }
#ifdef PICK
  least = 2.0;
#endif
  float drawn = max(pixels, least);
#ifdef HALO
  drawn = uGrow * drawn + 5.0 * float(uPixel);
#endif
  radius = drawn * depth / uScale;
  vColour = plainColour(kind, aVoltage, activity);
  if (uMode == 0 && uNodeRate >= 0.0) {
    vColour = mix(uBack, texelFetch(uPalette, ivec2(int(kind), 0), 0).rgb, max(uDim, 0.7));
  }
  vGlow = glow;
  vSelected = selected ? 1.0 : (flags & 2u) != 0u ? 0.5 : 0.0;
  vRank = aRank;
  vBall = vec4(middle.xyz, radius);
#ifdef QUAD
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2.0 - 1.0;
  vAt = corner * 1.06;
  gl_Position = uProjection * vec4(middle.xy + vAt * radius, middle.z, 1.0);
#else
  vAt = vec2(0.0);
  gl_PointSize = 2.0 * drawn;
  gl_Position = uProjection * middle;
#endif
}
`;

const SOMA_FRAGMENT = `#version 300 es
${COMMON}
flat in vec3 vColour;
flat in float vGlow, vFade, vSelected;
flat in uint vRank;
flat in vec4 vBall;
in vec2 vAt;
${PICK_OUT}
void main() {
#ifdef QUAD
  vec2 at = vAt;
#else
  vec2 at = gl_PointCoord * 2.0 - 1.0;
  at.y = -at.y;
#endif
  float far = length(at);
#ifdef HALO
  float light = exp(-5.5 * far * far) * (1.0 - smoothstep(0.8, 1.0, far));
  float halo = 0.5 * light * vGlow * uGlow;
  vec3 tint = mix(uHot, uWhite, 0.35 * vGlow);
  float seen = 1.0 - uFog.z * smoothstep(uFog.x, uFog.y, -vBall.z);
  outColour = vec4(tint * halo * seen, 0.0);
#else
  float pixel = uScale * vBall.w / -vBall.z;
  float edge = clamp((1.0 - far) * pixel + 0.5, 0.0, 1.0);
  if (edge < 0.1) discard;
#ifdef QUAD
  float z = sqrt(max(0.0, 1.0 - far * far));
  vec4 front = uProjection * vec4(vBall.xyz + vec3(at, z) * vBall.w, 1.0);
  gl_FragDepth = clamp(0.5 + 0.5 * front.z / front.w, 0.0, 1.0);
#else
  float z = sqrt(max(0.0, 1.0 - far * far));
#endif
#ifdef PICK
  outId = uvec4(vRank + 1u, 0u, 1u, floatBitsToUint(-vBall.z));
#else
  vec3 normal = vec3(at, z);
  float lambert = 0.42 + 0.58 * clamp(dot(normal, normalize(vec3(-0.35, 0.5, 0.79))), 0.0, 1.0);
  float shade = pixel > 1.5 ? lambert : 0.9;
  float rim = pow(1.0 - z, 3.0);
  vec3 colour = vColour * shade + (uMode == 1 || uMode == 3 ? 0.0 : 0.10 * rim) * vColour;
  colour = withGlow(colour, vGlow * (uMode == 1 || uMode == 3 ? 0.0 : mix(0.75, 1.0, z)));
  if (vSelected > 0.0) colour = mix(colour, uAccent, vSelected * smoothstep(0.62, 0.75, far));
  float alpha = edge * vFade * uVeil;
  outColour = vec4(withFog(colour, -vBall.z) * alpha, alpha);
#endif
#endif
}
`;

const BRANCH_VERTEX = `#version 300 es
${COMMON}
in vec3 iPlace; in vec4 iTurn; in uint iRank; in int iVoltage; in uint iKind;
uniform sampler2D uSegments;  // three texels a segment: from, to, (path from, path to, node, region)
uniform float uHaloWidth;
flat out vec3 vColour;
flat out float vAge, vSelected;
flat out uint vRank;
flat out uint vNode;
out float vPath, vDepth, vCover, vClip;
out vec4 vAt;                 // along in pixels from the start, across in pixels; length, half width there
flat out vec2 vEnds;          // half widths at the two ends

vec3 turned(vec3 v) {
  vec4 q = normalize(iTurn);
  vec3 t = 2.0 * cross(q.xyz, v);
  return v + q.w * t + cross(q.xyz, t);
}

void main() {
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
#ifdef LINE
  int segment = gl_VertexID / 2;
  bool atEnd = (gl_VertexID & 1) == 1;
  float side = 0.0;
#else
  int segment = gl_VertexID / 4;
  int corner = gl_VertexID % 4;
  bool atEnd = corner >= 2;
  float side = (corner & 1) == 1 ? 1.0 : -1.0;
#endif
  int width = textureSize(uSegments, 0).x;
  int at = 3 * segment;
  ivec2 texel = ivec2(at % width, at / width);
  vec4 from = texelFetch(uSegments, texel, 0);
  vec4 to = texelFetch(uSegments, texel + ivec2(1, 0), 0);
  vec4 facts = texelFetch(uSegments, texel + ivec2(2, 0), 0);
  vec2 activity = activityOf(iRank);
  float age = uTime - activity.x;
#ifdef HALO
  // The wave is on this segment between these ages; elsewhere there is no light.
  if (age < facts.x / uVelocity || age > facts.y / uVelocity + 4.0 * uTau) return;
#endif
  vec3 fromPlace = turned(from.xyz) + iPlace;
  vec3 toPlace = turned(to.xyz) + iPlace;
  vec3 a = (uView * vec4(fromPlace, 1.0)).xyz;
  vec3 b = (uView * vec4(toPlace, 1.0)).xyz;
  vec2 cut = vec2(0.0, 1.0);
  if (a.z > -uNear && b.z > -uNear) return;
  if (a.z > -uNear) cut.x = (a.z + uNear) / (a.z - b.z);
  if (b.z > -uNear) cut.y = (a.z + uNear) / (a.z - b.z);
  vec3 a2 = mix(a, b, cut.x);
  vec3 b2 = mix(a, b, cut.y);
  float share = atEnd ? cut.y : cut.x;
  vec3 here = atEnd ? b2 : a2;
  vec3 place = mix(fromPlace, toPlace, share);
  vec4 clip = uProjection * vec4(here, 1.0);
  vPath = mix(facts.x, facts.y, share);
  vAge = age;
  vRank = iRank;
  vNode = uint(facts.z);
  vDepth = -here.z;
  vClip = dot(uClip.xyz, place) + uClip.w;
  uint flags = iKind >> 16;
  vSelected = (flags & 1u) != 0u ? 1.0 : (flags & 2u) != 0u ? 0.5 : 0.0;
  int voltage = iVoltage < 0 ? -1 : iVoltage + int(facts.z);
  vColour = plainColour(iKind & 0xffffu, voltage, activity);
  vec2 radius = vec2(mix(from.w, to.w, cut.x) * uScale / -a2.z, mix(from.w, to.w, cut.y) * uScale / -b2.z);
  float wide = atEnd ? radius.y : radius.x;
  float least = 0.5 * float(uPixel);
  vCover = clamp(wide / least, uMode == 1 || uMode == 3 ? 0.8 : 0.4, 1.0);
  if (vSelected > 0.5) vCover = 1.0;
#ifdef LINE
  vAt = vec4(0.0);
  vEnds = vec2(1.0);
  gl_Position = clip;
#else
  vec2 grown = max(radius, vec2(least * (vSelected > 0.5 ? 1.7 : 1.0)));
#ifdef HALO
  grown = grown + uHaloWidth;
#endif
  vec4 clipA = uProjection * vec4(a2, 1.0);
  vec4 clipB = uProjection * vec4(b2, 1.0);
  vec2 screenA = clipA.xy / clipA.w * uHalf;
  vec2 screenB = clipB.xy / clipB.w * uHalf;
  vec2 axis = screenB - screenA;
  float length2 = length(axis);
  axis = length2 > 1e-4 ? axis / length2 : vec2(1.0, 0.0);
  float half2 = max(grown.x, grown.y) + 0.75;
  float along = atEnd ? length2 + half2 : -half2;
  vec2 corner2 = (atEnd ? screenB : screenA) + (atEnd ? axis : -axis) * half2 + vec2(-axis.y, axis.x) * side * half2;
  vAt = vec4(along, side * half2, length2, 0.0);
  vEnds = grown;
  // w = 1 would lose nothing here but keeps along and across straight on the screen.
  gl_Position = vec4(corner2 / uHalf, clip.z / clip.w, 1.0);
#endif
}
`;

const BRANCH_FRAGMENT = `#version 300 es
${COMMON}
flat in vec3 vColour;
flat in float vAge, vSelected;
flat in uint vRank;
flat in uint vNode;
in float vPath, vDepth, vCover, vClip;
in vec4 vAt;
flat in vec2 vEnds;
${PICK_OUT}
void main() {
  if (vClip < 0.0) discard;
  float glow = glowAfter(vAge - vPath / uVelocity);
#ifdef LINE
  float edge = 1.0;
  float shade = 0.9;
#else
  float share = clamp(vAt.x / max(vAt.z, 1e-4), 0.0, 1.0);
  float wide = mix(vEnds.x, vEnds.y, share);
  float past = vAt.x < 0.0 ? vAt.x : max(0.0, vAt.x - vAt.z);
  float off = length(vec2(past, vAt.y));
#ifdef HALO
  float q = off / wide;
  float light = exp(-4.5 * q * q) * (1.0 - smoothstep(0.85, 1.0, q));
  float seen = 1.0 - uFog.z * smoothstep(uFog.x, uFog.y, vDepth);
  outColour = vec4(mix(uHot, uWhite, 0.3 * glow) * (0.36 * light * glow * uGlow * seen * vCover), 0.0);
  return;
#endif
  float edge = clamp(wide - off + 0.5, 0.0, 1.0);
  if (edge < 0.08) discard;
  float q2 = clamp(off / max(wide, 0.5), 0.0, 1.0);
  float shade = wide > 1.2 ? 0.56 + 0.44 * sqrt(1.0 - q2 * q2) : 0.9;
#endif
#ifdef PICK
  outId = uvec4(vRank + 1u, vNode, 2u, floatBitsToUint(vDepth));
#else
#ifndef HALO
  vec3 colour = vColour * shade;
  if (vSelected > 0.0) colour = mix(colour, uAccent, (uVeil < 1.0 ? 0.65 : 0.38) * vSelected);
  float lit = uMode == 1 || uMode == 3 ? 0.0 : glow;
  colour = withGlow(colour, lit);
  float alpha = uVeil * edge * mix(vCover, 1.0, 0.7 * lit * min(1.0, uGlow));
  outColour = vec4(withFog(colour, vDepth) * alpha, alpha);
#endif
#endif
}
`;

const SCATTER_VERTEX = `#version 300 es
precision highp float;
precision highp int;
in uint aRank;
in vec2 aValue;
uniform ivec2 uSize;
out vec2 vValue;
void main() {
  ivec2 texel = ivec2(int(aRank) % uSize.x, int(aRank) / uSize.x);
  gl_Position = vec4((vec2(texel) + 0.5) / vec2(uSize) * 2.0 - 1.0, 0.0, 1.0);
  gl_PointSize = 1.0;
  vValue = aValue;
}
`;

const SCATTER_FRAGMENT = `#version 300 es
precision highp float;
in vec2 vValue;
layout(location = 0) out vec4 outValue;
void main() { outValue = vec4(vValue, 0.0, 1.0); }
`;

/** Texts of the programs by name: [vertex, fragment]. */
export const SHADER_TEXTS = Object.freeze({
  soma: [SOMA_VERTEX, SOMA_FRAGMENT],
  branch: [BRANCH_VERTEX, BRANCH_FRAGMENT],
  scatter: [SCATTER_VERTEX, SCATTER_FRAGMENT],
});

/** A text with `#define`s after its version line. */
export function shaderText(text, defines) {
  const lines = defines.map((name) => `#define ${name}\n`).join("");
  return text.replace("#version 300 es\n", `#version 300 es\n${lines}`);
}

/** Places of the attributes, the same in all programs. */
export const ATTRIBUTES = Object.freeze({
  aPlace: 0, aRank: 1, aKind: 2, aRadius: 3, aVoltage: 4, aFlags: 5,
  iPlace: 0, iTurn: 6, iRank: 1, iVoltage: 4, iKind: 2,
  aValue: 7,
});
