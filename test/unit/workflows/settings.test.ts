import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..', '..', 'workflows');
const TEMPLATES = globSync('*.json', { cwd: ROOT });

interface TemplateNode {
	name: string;
	type: string;
	parameters: Record<string, unknown>;
}

const nodesOf = (file: string) =>
	(JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as { nodes: TemplateNode[] }).nodes;

it.each(TEMPLATES)('whom the mails of %s are from and to stands in its one node Settings', (file) => {
	const nodes = nodesOf(file);
	expect(nodes.filter(({ name }) => name === 'Settings').length).toBeLessThan(2);
	for (const { type, parameters } of nodes) {
		if (type !== 'n8n-nodes-base.emailSend') continue;
		for (const field of ['fromEmail', 'toEmail'])
			expect(parameters[field]).toMatch(/^=\{\{ \$\('Settings'\)\.first\(\)\.json\.\w+ \}\}$/);
	}
});

it.each(TEMPLATES)('%s holds no address, and whoever imports it is asked for those that it needs', (file) => {
	const [settings] = nodesOf(file).filter(({ name }) => name === 'Settings');
	const { assignments } = (settings?.parameters['assignments'] ?? { assignments: [] }) as {
		assignments: Array<{ name: string; value: unknown }>;
	};
	const texts = nodesOf(file).map(({ parameters }) => JSON.stringify(parameters));
	for (const text of texts) expect(text).not.toMatch(/[\w.]+@[\w-]+\.\w+/);
	for (const { name, value } of assignments) if (/^(mail|approver)/.test(name)) expect(value).toBe('');
});
