import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';

const ROOT = join(__dirname, '..', '..', '..');

/** Those that the README and docs/ show: `npm run pictures` makes them anew there, any other run leaves them as they are. */
const FOLDER = process.env['PICTURES'] === 'docs' ? join(ROOT, 'docs', 'images') : join(ROOT, '.cache', 'screenshots');

/** Small enough that a page with several of them is there at once, and that a repository can keep those of every release. */
export const MAX_PICTURE_BYTES = 60_000;

/**
 * Takes the picture `<name>.webp` of a window for the documentation, in the light theme. WebP takes half of what PNG does, and
 * Chromium writes it. Answers its size in bytes.
 */
export async function documentationPicture(page: Page, name: string): Promise<number> {
	await page.emulateMedia({ colorScheme: 'light' });
	const png = await page.screenshot({ style: HIDDEN });
	const webp = await inWebP(page, png);
	const path = join(FOLDER, `${name}.webp`);
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, webp);
	return webp.length;
}

/** What n8n says in a corner of a run that went well, over what that put out; and the dots of a canvas, which take most of a picture's bytes. */
const HIDDEN = '.el-notification, [data-test-id=canvas-background] { display: none !important }';

/** What runs in the browser; at this quality, texts look as they do without loss. */
const CONVERT = `async (source) => {
	const image = new Image();
	image.src = source;
	await image.decode();
	const canvas = document.createElement('canvas');
	[canvas.width, canvas.height] = [image.width, image.height];
	canvas.getContext('2d').drawImage(image, 0, 0);
	return canvas.toDataURL('image/webp', 0.9);
}`;

/** In a page of its own: those of n8n and of our status page allow no scripts but theirs. */
async function inWebP(page: Page, png: Buffer): Promise<Buffer> {
	const blank = await page.context().newPage();
	try {
		const source = `data:image/png;base64,${png.toString('base64')}`;
		const url = await blank.evaluate<string>(`(${CONVERT})(${JSON.stringify(source)})`);
		return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
	} finally {
		await blank.close();
	}
}
