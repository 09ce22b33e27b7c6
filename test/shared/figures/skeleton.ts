/**
 * A scene as a few readable lines: every text with its place, every mark with its count and extent, to 0.1 pt, so that a snapshot shows what moved and
 * does not hang on the last bit of a logarithm.
 */
import { boundsOf } from '../../../src/shared/figures/path.ts';
import type { Scene, SceneNode } from '../../../src/shared/figures/layout/scene.ts';

const r = (value: number): string => (Math.round(value * 10) / 10 || 0).toFixed(1);

export function skeleton(scene: Scene): string {
  const lines = [`${scene.width_mm.toFixed(2)} x ${scene.height_mm.toFixed(2)} mm, legend ${scene.legend.place}`];
  const walk = (node: SceneNode, depth: number): void => {
    const indent = '  '.repeat(depth);
    switch (node.kind) {
      case 'group':
        lines.push(`${indent}${node.name}`);
        node.children.forEach((child) => walk(child, depth + 1));
        return;
      case 'clip':
        lines.push(`${indent}within ${r(node.x)} ${r(node.y)} ${r(node.width)} ${r(node.height)}`);
        node.children.forEach((child) => walk(child, depth + 1));
        return;
      case 'text':
        lines.push(
          `${indent}"${node.box.text}" at ${r(node.x)} ${r(node.y)}, ${r(node.box.width)} wide${node.angle === 0 ? '' : `, turned ${node.angle}`}`,
        );
        return;
      case 'markers': {
        const middle = node.at.reduce((sum, value) => sum + value, 0) / Math.max(1, node.at.length);
        lines.push(
          `${indent}${node.at.length / 2} markers ${node.fill?.colour ?? node.stroke?.colour ?? ''}, mean ${r(middle)}`,
        );
        return;
      }
      case 'image':
        lines.push(
          `${indent}image ${node.columns} x ${node.rows} at ${r(node.x)} ${r(node.y)} ${r(node.width)} ${r(node.height)}: ${node.description}`,
        );
        return;
      case 'path': {
        const bounds = boundsOf(node.path);
        const box = bounds ? `${r(bounds.left)} ${r(bounds.top)} ${r(bounds.right)} ${r(bounds.bottom)}` : 'empty';
        const paint = node.stroke
          ? `line ${node.stroke.colour} ${node.stroke.width.toFixed(2)}${node.stroke.dash ? ' dashed' : ''}`
          : `area ${node.fill?.colour ?? ''}`;
        lines.push(`${indent}${paint}, ${node.path.length} numbers, ${box}`);
        return;
      }
      default:
        node satisfies never;
    }
  };
  scene.nodes.forEach((node) => walk(node, 0));
  for (const note of scene.notes) lines.push(`note: ${note}`);
  return `${lines.join('\n')}\n`;
}
