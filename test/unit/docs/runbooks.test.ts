import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { CREDENTIAL_FIELDS, NODES } from './nodes';

const ROOT = join(__dirname, '..', '..', '..');
const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** What people follow when data is lost: nothing in it may be called otherwise than they see it. */
const PAGE = textOf('docs/runbooks.md');
const OTHER_PAGES = globSync('docs/*.md', { cwd: ROOT })
	.filter((file) => !file.endsWith('runbooks.md'))
	.map(textOf)
	.join('\n');

interface Template {
	name: string;
	nodes: Array<{ name: string; type: string }>;
}

/** The parts of the page under headings of the second level, with the templates and the nodes that they speak of. */
const SECTIONS = PAGE.split(/^## /m)
	.slice(1)
	.map((text) => {
		const links = [...text.matchAll(/\[_([^_]+)_\]\(\.\.\/(workflows\/[\w-]+\.json)\)/g)];
		const templates = links.map(([, , file]) => JSON.parse(textOf(file as string)) as Template);
		const types = templates.flatMap(({ nodes }) => nodes.map(({ type }) => type));
		return {
			heading: text.slice(0, text.indexOf('\n')),
			text,
			links: links.map(([, name, file]) => ({ name, file: file as string })),
			templates,
			nodes: NODES.filter(({ title, type }) => text.includes(`[${title}](`) || types.includes(type)),
		};
	});

it('calls every template by its name', () => {
	const links = SECTIONS.flatMap((section) => section.links);
	expect(links.length).toBeGreaterThan(20);
	const wrong = links.filter(({ name, file }) => (JSON.parse(textOf(file)) as Template).name !== name);
	expect(wrong).toEqual([]);
	// No other link leads to a template.
	expect([...PAGE.matchAll(/workflows\/[\w-]+\.json/g)]).toHaveLength(links.length);
});

it.each(SECTIONS)('$heading: names only nodes, operations, fields and options that there are', (section) => {
	const { text, templates, nodes } = section;
	const titles = NODES.map(({ title }) => title);
	const called = [...text.matchAll(/\[([^\]_]+)\]\(([\w-]+)\.md[^)]*\), operation/g)].map(([, title]) => title);
	expect(called.filter((title) => !titles.includes(title as string))).toEqual([]);

	const operations = nodes.flatMap((node) => node.operations);
	const chosen = [...text.matchAll(/[Oo]peration _([^_]+)_/g)].map(([, name]) => name as string);
	expect(chosen.filter((name) => !operations.includes(name))).toEqual([]);

	const known = new Set([
		...nodes.flatMap((node) => node.all),
		...templates.flatMap((template) => [template.name, ...template.nodes.map(({ name }) => name)]),
		...CREDENTIAL_FIELDS,
	]);
	const named = [...text.replace(/`[^`]*`/g, '').matchAll(/(?<!\w)_([^_\n]+)_(?!\w)/g)].map(
		([, name]) => name as string,
	);
	expect(named.filter((name) => !known.has(name))).toEqual([]);
});

it.each(SECTIONS)('$heading: fields of items and settings of templates are those that are documented', (section) => {
	const settings = section.links.map(({ file }) => textOf(file)).join('\n');
	const words = [...section.text.matchAll(/`([a-z]+(?:[A-Z][a-z]+)*)`/g)].map(([, word]) => word as string);
	const unknown = words.filter((word) => !OTHER_PAGES.includes(`\`${word}\``) && !settings.includes(word));
	expect(unknown).toEqual([]);
});

it.each(SECTIONS.filter(({ text }) => /^1\. /m.test(text)))(
	'$heading: says who is stopped, how it is known to have worked, and where the time stands',
	({ heading, text }) => {
		if (heading === 'Before anything else') return;
		for (const label of ['**Stop meanwhile**', '**It worked when**', '**How long:**']) expect(text).toContain(label);
	},
);

it('has every metric that it names on the page of metrics', () => {
	const metrics = [...PAGE.matchAll(/`stack_backup_(\w+)`/g)].map(([, name]) => name as string);
	expect(metrics.length).toBeGreaterThan(0);
	expect(metrics.filter((name) => !OTHER_PAGES.includes(`\`${name}\``))).toEqual([]);
});
