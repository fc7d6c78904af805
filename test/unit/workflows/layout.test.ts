import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..', '..', 'workflows');
const TEMPLATES = globSync('*.json', { cwd: ROOT });

/** Edges in pixels. */
interface Box {
	name: string;
	left: number;
	top: number;
	right: number;
	bottom: number;
}

interface TemplateNode {
	name: string;
	type: string;
	position: [number, number];
	parameters: { width?: number; height?: number; numberInputs?: number };
}

/** n8n puts everything on a grid of this width, so what is drawn may be as far from where the file says. */
const GRID = 16;
const NODE = 96;
/** The name below a node may be twice as wide, and have a line for the operation. */
const NAME = { beside: 48, below: 48 };

const isNote = ({ type }: TemplateNode) => type === 'n8n-nodes-base.stickyNote';

function boxOf(node: TemplateNode): Box {
	const { name, parameters } = node;
	const [left, top] = node.position;
	const { width = 240, height = 160, numberInputs = 1 } = parameters;
	if (isNote(node)) return { name, left, top, right: left + width, bottom: top + height };
	// A node of many inputs is as high as they need.
	const bottom = top + NODE + 2 * GRID * Math.max(0, numberInputs - 2) + NAME.below;
	return { name, left: left - NAME.beside, top, right: left + NODE + NAME.beside, bottom };
}

function touch(one: Box, other: Box, distance: number): boolean {
	const beside = one.right + distance <= other.left || other.right + distance <= one.left;
	return !beside && one.bottom + distance > other.top && other.bottom + distance > one.top;
}

function holds(note: Box, node: Box): boolean {
	const across = note.left + GRID <= node.left && node.right <= note.right - GRID;
	return across && note.top + GRID <= node.top && node.bottom <= note.bottom - GRID;
}

/** What lies on something else, as a person sees it who imports the template. */
function collisions(nodes: TemplateNode[]): string[] {
	const notes = nodes.filter(isNote).map(boxOf);
	const others = nodes.filter((node) => !isNote(node)).map(boxOf);
	const between = (these: Box[], those: Box[], collide: (one: Box, other: Box) => boolean) =>
		these.flatMap((one) =>
			those.filter((other) => one !== other && collide(one, other)).map(({ name }) => `${one.name} on ${name}`),
		);
	return [
		...between(notes, others, (note, node) => touch(note, node, GRID) && !holds(note, node)),
		...between(notes, notes, (one, other) => touch(one, other, 0)),
		...between(others, others, (one, other) => touch(one, other, 0)),
	];
}

it.each(TEMPLATES)('in %s no note touches a node, and nothing lies on something else', (file) => {
	const { nodes } = JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as { nodes: TemplateNode[] };
	expect(nodes.filter(isNote).length).toBeGreaterThan(0);
	expect(collisions(nodes)).toEqual([]);
});

it('sees a note that touches a node, and not one that holds it', () => {
	const note = (height: number): TemplateNode => ({
		name: 'Note',
		type: 'n8n-nodes-base.stickyNote',
		position: [0, 0],
		parameters: { width: 300, height },
	});
	const node: TemplateNode = { name: 'Node', type: 'n8n-nodes-base.set', position: [100, 100], parameters: {} };
	expect(collisions([note(90), node])).toEqual(['Note on Node']);
	expect(collisions([note(200), node])).toEqual(['Note on Node']);
	expect(collisions([note(80), node])).toEqual([]);
	expect(collisions([note(300), node])).toEqual([]);
});
