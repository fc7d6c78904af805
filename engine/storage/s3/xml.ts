/**
 * The little of XML that S3's answers use: elements without attributes that matter, without CDATA or comments, and none
 * nested in one of its own name (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html).
 */

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** What stands inside each element of a name, in order, as it is written. */
export function elements(xml: string, name: string): string[] {
	const tag = tagOf(name);
	const found: string[] = [];
	for (let start = insideOf(xml, tag, 0); start >= 0;) {
		const end = xml.indexOf(tag.close, start);
		if (end < 0) break;
		found.push(xml.slice(start, end));
		start = insideOf(xml, tag, end);
	}
	return found;
}

/** The text of the first element of a name, or undefined where there is none. */
export function textOf(xml: string, name: string): string | undefined {
	const inside = firstOf(xml, name);
	return inside === undefined ? undefined : unescape(inside);
}

/** The ETag in an element, without its quotation marks; empty where there is none. */
export function etagIn(xml: string): string {
	const inside = firstOf(xml, 'ETag') ?? '';
	// As nearly every server has it. A list of a million objects has as many.
	for (const quote of QUOTES) {
		if (!inside.startsWith(quote) || !inside.endsWith(quote)) continue;
		const etag = inside.slice(quote.length, -quote.length);
		if (!/["&]/.test(etag)) return etag;
	}
	return unescape(inside).replaceAll('"', '');
}

const QUOTES = ['&#34;', '&quot;', '"'];

function firstOf(xml: string, name: string): string | undefined {
	const tag = tagOf(name);
	const start = insideOf(xml, tag, 0);
	const end = start < 0 ? -1 : xml.indexOf(tag.close, start);
	return end < 0 ? undefined : xml.slice(start, end);
}

interface Tag {
	open: string;
	close: string;
}

const tags = new Map<string, Tag>();

/** Made once: a listing of a million objects asks for four elements of each. */
function tagOf(name: string): Tag {
	let tag = tags.get(name);
	if (!tag) tags.set(name, (tag = { open: `<${name}`, close: `</${name}>` }));
	return tag;
}

/** Where the inside of the next element begins; -1 for none. To search takes a third of what a pattern takes, and leaves no garbage. */
function insideOf(xml: string, { open }: Tag, from: number): number {
	for (let at = xml.indexOf(open, from); at >= 0; at = xml.indexOf(open, at + open.length)) {
		const next = xml.charAt(at + open.length);
		if (next === '>') return at + open.length + 1;
		// With attributes; otherwise its name goes on.
		if (/\s/.test(next)) return xml.indexOf('>', at) + 1 || -1;
	}
	return -1;
}

/** Text as it may stand in an element. */
export function escapeXml(text: string): string {
	return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function unescape(text: string): string {
	if (!text.includes('&')) return text;
	return text.replace(
		/&(?:#x([0-9a-f]+)|#([0-9]+)|(\w+));/gi,
		(whole, hex?: string, decimal?: string, name?: string) => {
			if (name !== undefined) return ENTITIES[name] ?? whole;
			return String.fromCodePoint(hex === undefined ? Number(decimal) : parseInt(hex, 16));
		},
	);
}
