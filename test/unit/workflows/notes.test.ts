import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..', '..', 'workflows');
const TEMPLATES = globSync('*.json', { cwd: ROOT });
const PARTS = ['Who it is for', 'How it works', 'Set up', 'Requirements', 'Customize'];
/** n8n's number of the color; a note without any is yellow. */
const WHITE = 7;

interface TemplateNode {
	name: string;
	type: string;
	parameters: { content?: string; color?: number };
	credentials?: unknown;
}

it.each(TEMPLATES)(
	'%s has one yellow note that tells all of it, white ones for its steps, and no credentials',
	(file) => {
		const { nodes } = JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as { nodes: TemplateNode[] };
		const notes = nodes.filter(({ type }) => type === 'n8n-nodes-base.stickyNote').map(({ parameters }) => parameters);
		const yellow = notes.filter(({ color }) => color === undefined);
		expect(yellow).toHaveLength(1);
		const headings = [...yellow[0]!.content!.matchAll(/^\*\*([^*]+)\*\*$/gm)].map(([, heading]) => heading);
		expect(headings).toEqual(PARTS);
		const others = notes.filter(({ color }) => color !== undefined);
		expect(others.length).toBeGreaterThan(0);
		for (const { color, content } of others) {
			expect(color).toBe(WHITE);
			expect(content).toMatch(/^## \d\. /);
		}
		expect(nodes.filter(({ credentials }) => credentials !== undefined)).toEqual([]);
	},
);
