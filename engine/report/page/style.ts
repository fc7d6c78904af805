/** The page's look, in both themes and from a phone's width on. Each colour of text has a contrast of at least 4.5 on its ground. */
export const STYLE = `
:root {
	color-scheme: light dark;
	--ground: #f4f6f8; --card: #ffffff; --line: #dde2e8; --text: #17202a; --soft: #55606d;
	--good: #17703f; --good-ground: #e3f4ea; --doubtful: #7a4f00; --doubtful-ground: #fdf1d6;
	--bad: #a3211a; --bad-ground: #fce8e6; --chart: #4a7fd4; --chart-soft: #c9d8f1; --bar: #e7ebf0;
}
@media (prefers-color-scheme: dark) {
	:root {
		--ground: #12161b; --card: #1b2128; --line: #303943; --text: #e8edf2; --soft: #a5b0bc;
		--good: #6ed59a; --good-ground: #143223; --doubtful: #f0c368; --doubtful-ground: #3a2d10;
		--bad: #ff9d94; --bad-ground: #43201d; --chart: #7aa7ee; --chart-soft: #33486b; --bar: #2a323b;
	}
}
* { box-sizing: border-box; }
body {
	margin: 0; background: var(--ground); color: var(--text);
	font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 36px 0 12px; }
h3 { font-size: 16px; margin: 0; overflow-wrap: anywhere; }
p { margin: 0; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
.verdict { display: flex; gap: 18px; align-items: center; padding: 22px; border-radius: 14px; border: 1px solid var(--line); }
.verdict svg { flex: none; width: 52px; height: 52px; }
.good { --tone: var(--good); --tone-ground: var(--good-ground); }
.doubtful { --tone: var(--doubtful); --tone-ground: var(--doubtful-ground); }
.bad { --tone: var(--bad); --tone-ground: var(--bad-ground); }
.unknown { --tone: var(--soft); --tone-ground: var(--bar); }
.verdict { background: var(--tone-ground); }
.verdict h1 { color: var(--tone); }
.grid { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(215px, 1fr)); }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; }
.tile strong { display: block; font-size: 22px; line-height: 1.3; }
.badge {
	display: inline-block; padding: 1px 9px; border-radius: 999px; font-size: 12.5px; font-weight: 600;
	color: var(--tone); background: var(--tone-ground); white-space: nowrap;
}
.cards { display: grid; gap: 12px; }
.card header { display: flex; gap: 10px; align-items: baseline; justify-content: space-between; flex-wrap: wrap; }
.card .facts { display: grid; gap: 10px 22px; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); margin: 12px 0 0; }
.card dt { color: var(--soft); font-size: 12.5px; }
.card dd { margin: 0; overflow-wrap: anywhere; }
.age { height: 6px; border-radius: 3px; background: var(--bar); overflow: hidden; margin-top: 5px; }
.age span { display: block; height: 100%; background: var(--tone); }
.charts { display: grid; gap: 18px; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); margin-top: 14px; }
.charts svg { display: block; width: 100%; height: 54px; }
figure { margin: 0; }
figcaption { font-size: 12.5px; color: var(--soft); display: flex; justify-content: space-between; gap: 8px; }
ul.problems { list-style: none; margin: 0; padding: 0; display: grid; gap: 8px; }
ul.problems li { border-left: 4px solid var(--tone); background: var(--card); border-radius: 0 10px 10px 0; padding: 10px 14px; overflow-wrap: anywhere; }
.room { display: flex; height: 14px; border-radius: 7px; overflow: hidden; background: var(--bar); margin: 8px 0; }
.room span { display: block; height: 100%; }
.room .own { background: var(--chart); }
.room .others { background: var(--chart-soft); }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }
ul.gaps, .slots { margin-top: 12px; }
ul.gaps li { background: var(--ground); }
.time { margin: 14px 0 0; }
.time svg { display: block; width: 100%; height: 30px; background: linear-gradient(var(--bar), var(--bar)) 0 8px / 100% 22px no-repeat; }
.time .there { fill: var(--chart); }
.time .lost, .time .missing { fill: var(--bad); }
.time .lost { opacity: 0.55; }
.time .later { fill: var(--chart-soft); }
.time .mark { fill: var(--text); }
.keys { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 12.5px; color: var(--soft); margin-top: 4px; }
.key.there { background: var(--chart); }
.key.lost { background: var(--bad); opacity: 0.55; }
.key.missing { background: var(--bad); }
.key.later { background: var(--chart-soft); }
.key.mark { background: var(--text); width: 3px; border-radius: 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: 12.5px; }
.figure { white-space: nowrap; }
footer { margin-top: 36px; color: var(--soft); font-size: 13px; }
@media (max-width: 480px) {
	main { padding: 14px 12px 32px; }
	h1 { font-size: 22px; }
	.verdict { padding: 16px; gap: 14px; }
	.verdict svg { width: 40px; height: 40px; }
	.grid { grid-template-columns: 1fr 1fr; }
	.tile { padding: 11px 12px; }
	.tile strong { font-size: 18px; }
	tr { display: block; padding: 6px 0; border-bottom: 1px solid var(--line); }
	tr:has(th) { display: none; }
	td { display: block; padding: 1px 0; border: 0; }
}
@media print { body { background: none; } .card, .tile { break-inside: avoid; } }
`;
