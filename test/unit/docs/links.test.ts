import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..', '..');
const FILES = globSync('{*,docs/**/*}.md', { cwd: ROOT });

/** The anchors that a Markdown file has on GitHub: its headings in lower case, blanks as hyphens, without punctuation. */
function anchors(file: string): string[] {
	const headings = readFileSync(file, 'utf8').match(/^#+ .+$/gm) ?? [];
	return headings.map((heading) =>
		heading
			.replace(/^#+ /, '')
			.toLowerCase()
			.replace(/[^\p{L}\p{N} _-]/gu, '')
			.replaceAll(' ', '-'),
	);
}

/** What is wrong with the relative links of a file. */
function broken(file: string): string[] {
	const text = readFileSync(join(ROOT, file), 'utf8').replace(/```[\s\S]*?```/g, '');
	const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link as string);
	return links
		.filter((link) => !/^[a-z]+:/i.test(link))
		.filter((link) => {
			const [path = '', anchor] = link.split('#');
			const target = path === '' ? join(ROOT, file) : join(ROOT, dirname(file), path);
			if (!existsSync(target) || relative(ROOT, target).startsWith('..')) return true;
			return anchor !== undefined && !(statSync(target).isFile() && anchors(target).includes(anchor));
		});
}

it('finds the documentation', () => {
	expect(FILES).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', join('docs', 'postgres-dump.md')]));
});

it.each(FILES)('%s links only to what is there', (file) => {
	expect(broken(file)).toEqual([]);
});

it('links of node and credentials lead to pages and headings that are there', () => {
	const sources = globSync('{nodes,credentials}/**/*.{ts,json}', { cwd: ROOT });
	const links = sources.flatMap((file) => [
		...readFileSync(join(ROOT, file), 'utf8').matchAll(/\/blob\/main\/([\w/.-]+)(?:#([\w-]+))?/g),
	]);
	expect(links.length).toBeGreaterThan(2);
	const wrong = links.filter(([, path, anchor]) => {
		const target = join(ROOT, path as string);
		return !existsSync(target) || (anchor !== undefined && !anchors(target).includes(anchor));
	});
	expect(wrong).toEqual([]);
});
