/** The shading programs of the view of bodies (GLSL ES 3): the ground with its field, tracks, and tubes with muscles. */

const HEAD = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
`;

const GROUND_VERTEX = `${HEAD}
in vec2 aCorner;
uniform mat4 uBoth;
uniform vec3 uMiddle;         // of the ground that is drawn, mm, relative to the origin
uniform vec2 uOrigin;         // where the scene's zero is
uniform float uReach;
out vec2 vPlace;              // mm in the scene
void main() {
  vec3 place = uMiddle + vec3(aCorner * uReach, 0.0);
  vPlace = place.xy + uOrigin;
  gl_Position = uBoth * vec4(place, 1.0);
}
`;

const GROUND_FRAGMENT = `${HEAD}
in vec2 vPlace;
uniform vec2 uEye;
uniform float uFar, uGrid;    // where the ground has faded, mm between lines
uniform vec3 uBack, uLine;
uniform sampler2D uField, uMap;
uniform vec4 uFieldBox;       // x, y of the first value, spacing, 1 when there is a field
uniform vec2 uFieldSize;
out vec4 outColour;

float lineAt(vec2 at, float spacing) {
  vec2 cell = at / spacing;
  vec2 wide = fwidth(cell);
  vec2 off = abs(fract(cell - 0.5) - 0.5) / max(wide, vec2(1e-6));
  vec2 seen = (1.0 - smoothstep(0.4, 1.4, off)) * (1.0 - smoothstep(0.12, 0.4, wide));
  return max(seen.x, seen.y);
}

void main() {
  vec3 colour = uBack;
  float fade = 1.0 - smoothstep(0.45 * uFar, uFar, distance(vPlace, uEye));
  vec2 at = (vPlace - uFieldBox.xy) / uFieldBox.z;
  bool within = uFieldBox.w > 0.5 && at.x > -0.5 && at.y > -0.5 && at.x < uFieldSize.x - 0.5 && at.y < uFieldSize.y - 0.5;
  if (within) {
    float value = texture(uField, (at + 0.5) / uFieldSize).r;
    if (value >= 0.0) {
      colour = texture(uMap, vec2((clamp(value, 0.0, 1.0) * 255.0 + 0.5) / 256.0, 0.5)).rgb;
      float level = value * 8.0;
      float off = abs(fract(level - 0.5) - 0.5) / max(fwidth(level), 1e-6);
      colour = mix(colour, uLine, 0.35 * (1.0 - smoothstep(0.5, 1.5, off)) * step(0.5, level));
    }
  }
  float fine = lineAt(vPlace, uGrid);
  float coarse = lineAt(vPlace, 10.0 * uGrid);
  colour = mix(colour, uLine, fade * max(0.20 * fine, 0.45 * coarse));
  outColour = vec4(colour, 1.0);
}
`;

const TRACK_VERTEX = `${HEAD}
in vec2 aCorner;              // along 0..1, side -1..1
in vec3 aFrom, aTo;
uniform mat4 uBoth;
uniform vec3 uShift;
uniform vec2 uHalf;
uniform float uWide, uCount;
out float vAcross, vAge;
void main() {
  vec4 a = uBoth * vec4(aFrom + uShift, 1.0);
  vec4 b = uBoth * vec4(aTo + uShift, 1.0);
  vAge = 1.0 - (float(gl_InstanceID) + aCorner.x) / max(1.0, uCount);
  vAcross = aCorner.y;
  if (a.w <= 0.0 || b.w <= 0.0) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
  vec2 from = a.xy / a.w * uHalf;
  vec2 to = b.xy / b.w * uHalf;
  vec2 along = to - from;
  float far = length(along);
  along = far > 1e-5 ? along / far : vec2(1.0, 0.0);
  vec4 here = aCorner.x < 0.5 ? a : b;
  vec2 at = (aCorner.x < 0.5 ? from - along * 0.5 : to + along * 0.5) + vec2(-along.y, along.x) * aCorner.y * uWide;
  gl_Position = vec4(at / uHalf, here.z / here.w, 1.0);
}
`;

const TRACK_FRAGMENT = `${HEAD}
in float vAcross, vAge;
uniform vec3 uColour;
uniform float uWide;
out vec4 outColour;
void main() {
  float edge = clamp((1.0 - abs(vAcross)) * uWide, 0.0, 1.0);
  float alpha = edge * mix(0.9, 0.35, vAge);
  outColour = vec4(uColour * alpha, alpha);
}
`;

const TUBE_VERTEX = `${HEAD}
in vec3 aPlace, aNormal;
in vec2 aWhere;               // share of the length, angle around
uniform mat4 uBoth;
uniform vec3 uShift;
out vec3 vNormal, vPlace;
out vec2 vWhere;
void main() {
  vNormal = aNormal;
  vWhere = aWhere;
  vPlace = aPlace + uShift;
  gl_Position = uBoth * vec4(vPlace, 1.0);
}
`;

const TUBE_FRAGMENT = `${HEAD}
in vec3 vNormal, vPlace;
in vec2 vWhere;
uniform vec3 uEyePlace;
uniform vec3 uSkin, uRest, uHot, uWhite, uLight;
uniform float uLow;           // how dark the side away from the light is
uniform int uRows;
uniform float uAngle[32];
uniform int uCount[32];
uniform sampler2D uMuscles;   // a row of muscles a line
out vec4 outColour;

void main() {
  vec3 normal = normalize(vNormal);
  vec3 eye = normalize(uEyePlace - vPlace);
  vec3 colour = uSkin;
  float lit = 0.0;
  float half_ = uRows > 0 ? 0.86 * 3.14159265 / float(uRows) : 0.0;
  for (int row = 0; row < uRows; row += 1) {
    float n = float(uCount[row]);
    float at = vWhere.x * n;
    int cell = int(clamp(floor(at), 0.0, n - 1.0));
    float along = at - float(cell) - 0.5;
    float around = abs(mod(vWhere.y - uAngle[row] + 3.14159265, 6.2831853) - 3.14159265) / half_;
    // A muscle is a spindle: wide in its middle, pointed where the next begins.
    float wide = sqrt(max(0.0, 1.0 - 3.4 * along * along));
    float off = around - 0.96 * wide;
    float soft = max(fwidth(around), 0.02);
    float inside = 1.0 - smoothstep(-soft, soft, off);
    float power = clamp(texelFetch(uMuscles, ivec2(cell, row), 0).r, 0.0, 1.0);
    vec3 muscle = mix(uRest, mix(uHot, uWhite, 0.55 * power * power), smoothstep(0.02, 0.85, power));
    colour = mix(colour, muscle, 0.92 * inside);
    lit = max(lit, power * inside);
  }
  float shade = mix(uLow, 1.0, 0.5 + 0.5 * dot(normal, uLight));
  float rim = pow(1.0 - clamp(dot(normal, eye), 0.0, 1.0), 3.0);
  vec3 shaded = colour * shade + 0.10 * rim;
  vec3 shine = 0.18 * vec3(pow(max(0.0, dot(normal, normalize(uLight + eye))), 40.0));
  outColour = vec4(mix(shaded + shine, colour, 0.72 * lit), 1.0);
}
`;

/** Texts of the programs by name: [vertex, fragment]. */
export const WORLD_SHADERS = Object.freeze({
  ground: [GROUND_VERTEX, GROUND_FRAGMENT],
  track: [TRACK_VERTEX, TRACK_FRAGMENT],
  tube: [TUBE_VERTEX, TUBE_FRAGMENT],
});
