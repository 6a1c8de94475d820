//! The style sheet of the page: a text column for reading, charts beside each other where there is room, and light or dark as the reader has
//! it.
//!
//! It has neither `<` nor `&`, which XML would want escaped and HTML would not understand escaped.

use crate::render::chart::{FORMS, THEMES, rules};

/// The whole sheet.
pub(crate) fn sheet() -> String {
    let [light, dark] = &THEMES;
    format!(
        "\n{PAGE}{FORMS}{}@media (prefers-color-scheme:dark){{\n{DARK}{}}}\n",
        rules(light),
        rules(dark)
    )
}

const PAGE: &str = "\
:root{color-scheme:light dark;--paper:#fffefb;--ink:#1b1a18;--soft:#55524c;--rule:#d9d5ca;--shade:#f4f1e9;--link:#005a8e;--warn:#8f3d00;
 --serif:Charter,'Bitstream Charter','Iowan Old Style','Source Serif 4',Georgia,'Liberation Serif',serif;
 --sans:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Liberation Sans',Arial,sans-serif;
 --mono:ui-monospace,'SF Mono',Menlo,Consolas,'Liberation Mono',monospace}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.55 var(--serif)}
main{max-width:80rem;margin:0 auto;padding:2.5rem 1.25rem 5rem}
h1,h2,h3{line-height:1.2;font-weight:600;text-wrap:balance;overflow-wrap:anywhere}
h1{font-size:clamp(1.6rem,1.2rem + 1.8vw,2.4rem);margin:.2rem 0 1.4rem}
h2{font-size:1.5rem;margin:3.5rem 0 1.2rem;padding-top:.9rem;border-top:1px solid var(--rule)}
h3{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.5rem 0}
a{color:var(--link)}
.kicker{font:.8125rem/1.4 var(--sans);letter-spacing:.03em;color:var(--soft);margin:0}
.verdict{border-left:.3rem solid var(--link);padding:.1rem 0 .1rem 1.25rem;margin:0 0 1.8rem;max-width:54rem}
.verdict p{overflow-wrap:anywhere;font-size:1.15rem;line-height:1.45}
.verdict .lead{font-size:clamp(1.35rem,1.1rem + 1.2vw,1.9rem);line-height:1.28;margin:0 0 .6rem;text-wrap:pretty}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:.35rem 2.5rem;margin:0;font:.875rem/1.5 var(--sans)}
.facts div{display:grid;grid-template-columns:5.6rem 1fr}
.facts dt{color:var(--soft)}
.facts dd{margin:0;overflow-wrap:anywhere}
.warning{color:var(--warn);font-weight:600;margin-top:1.2rem}
.plates{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,29rem),1fr));gap:0 3rem;align-items:start;margin-bottom:-2rem}
figure{margin:0;padding-bottom:3rem;min-width:0}
@supports (grid-template-rows:subgrid){figure{display:grid;grid-row:span 4;grid-template:subgrid/minmax(0,1fr)}}
figcaption h3{margin:0 0 .25rem}
.number{font:600 .75rem/1 var(--sans);letter-spacing:.05em;text-transform:uppercase;color:var(--soft);margin-right:.4rem}
figcaption p,.reading{font-size:.9375rem;line-height:1.45;color:var(--soft);margin:0 0 .8rem;max-width:44rem;overflow-wrap:break-word}
#charts>.reading{margin-bottom:1.8rem}
.chart{display:block;width:100%;height:auto;max-width:38rem;font-family:var(--sans);font-size:12.5px;overflow:visible}
.legend{list-style:none;align-content:start;margin:.7rem 0 .2rem;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--entry)),1fr));
 gap:.1rem 1rem;font:.8125rem/1.5 var(--sans)}
.legend li{display:flex;align-items:center;gap:.5rem;min-width:0}
.legend span{overflow-wrap:anywhere;line-height:1.25}
.sample{flex:none;width:34px;height:12px}
details{margin-top:.6rem;font-size:.875rem}
summary{cursor:pointer;font-family:var(--sans);color:var(--link)}
.scroll{overflow-x:auto;margin:.5rem 0;max-width:100%}
table{border-collapse:separate;border-spacing:0;font:.8125rem/1.35 var(--sans);font-variant-numeric:tabular-nums lining-nums}
th,td{padding:.36rem .38rem;text-align:right;vertical-align:top;border-bottom:1px solid var(--rule)}
td{white-space:nowrap}
thead th{font-weight:600;color:var(--soft);border-bottom:1.5px solid var(--soft);vertical-align:bottom}
th:first-child{text-align:left;padding-left:0}
tbody th{font-weight:600;min-width:6.5rem;max-width:11rem;overflow-wrap:break-word;position:sticky;left:0;background:var(--paper)}
.figures{width:100%;font-size:.78rem}
.figures th,.figures td{padding-left:.3rem;padding-right:.3rem}.figures th:first-child{padding-left:0}
.figures thead th:not(:first-child){min-width:3.2rem}
.figures small{display:block;font-size:.66rem;color:var(--soft)}
.first{border-left:1px solid var(--rule)}
tbody sup{font-size:.6875rem;white-space:nowrap;font-weight:400;vertical-align:baseline}
.words td{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:9rem}
.words th{text-align:left}
.marks{font-size:.875rem;line-height:1.45;color:var(--soft);list-style:none;padding:0;margin:.6rem 0 0;max-width:54rem;overflow-wrap:anywhere}
.text p,.text ul{max-width:44rem}
pre{font:.8125rem/1.5 var(--mono);background:var(--shade);padding:.8rem 1rem;margin:.5rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
code{font:.92em/1.4 var(--mono)}
.data{max-height:24rem;overflow:auto;font-size:.6875rem}
:target{background:var(--shade)}
@media (min-width:64rem){.chart{font-size:11px}}
@media (max-width:40rem){main{padding:1.5rem 1rem 3rem}body{font-size:1rem}.facts div{grid-template-columns:5rem 1fr}
 tbody th{max-width:9.5rem;min-width:6rem;font-size:.75rem}.legend{display:flex;flex-wrap:wrap}}
@media print{.plates{display:block}figure{break-inside:avoid;margin-bottom:2rem}details{display:none}}
";

const DARK: &str = "\
:root{--paper:#16181b;--ink:#ecebe7;--soft:#aeaca5;--rule:#33363b;--shade:#202327;--link:#7dbdec;--warn:#f2a65a}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_needs_no_escaping() {
        assert!(!sheet().contains(['<', '&']));
        assert!(!sheet().contains("url("));
    }
}
