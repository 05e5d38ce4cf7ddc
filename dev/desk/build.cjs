// Builds the bundles of one app's Desk, as Frappe's own build does on a bench.
//
//     node build.cjs APPS APP MODULES TARGET ADDRESS
//
//     APPS      folder that holds every app's root folder
//     APP       the app to build: each of its public/**/*.bundle.{js,ts,css,scss} becomes a bundle
//     MODULES   node_modules to build with and from
//     TARGET    folder to fill: {js,css,css-rtl}/NAME.bundle.HASH.{js,css}
//     ADDRESS   where the browser finds TARGET
//
// Last it writes TARGET/bundles.json, what Frappe keeps in assets.json and assets-rtl.json:
//     {"assets": {"desk.bundle.js": "ADDRESS/js/desk.bundle.HASH.js"},
//      "assets-rtl": {"rtl_desk.bundle.css": "ADDRESS/css-rtl/desk.bundle.HASH.css"}}

const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");
const { pathToFileURL } = require("url");

const [apps, app, modules, target, address] = process.argv.slice(2);
const fromModules = createRequire(path.join(modules, "any.js"));
const esbuild = fromModules("esbuild");
const sass = fromModules("sass");
const postcss = fromModules("postcss");
const autoprefixer = fromModules("autoprefixer");
const rtlcss = fromModules("rtlcss");
const sfc = fromModules("vue/compiler-sfc");
const vueMajor = Number(fromModules("vue").version.split(".")[0]);

const CSS_IMPORT = /@import\s+["']([^"']+)["'];/g;
const appFolders = fs.readdirSync(apps).map((name) => path.join(apps, name));

// Templates become strings in frappe.templates. Some hold escapes, which a template literal undoes.
const templates = {
	name: "templates",
	setup(build) {
		build.onLoad({ filter: /\.html$/ }, (args) => {
			const name = path.basename(args.path).split(".")[0];
			const text = fs.readFileSync(args.path, "utf8").replace(/`/g, "\\`");
			return { contents: `frappe.templates[${JSON.stringify(name)}] = \`${text}\`;` };
		});
	},
};

const vueComponents = {
	name: "vue-components",
	setup(build) {
		build.onLoad({ filter: /\.vue$/ }, (args) => ({
			contents: compileComponent(args.path),
			resolveDir: path.dirname(args.path),
		}));
	},
};

function compileComponent(filename) {
	const source = fs.readFileSync(filename, "utf8");
	const { descriptor } = vueMajor === 2 ? parseVue2(source, filename) : sfc.parse(source, { filename });
	const id = path.relative(apps, filename).replace(/\W/g, "-");
	const lines = vueMajor === 2 ? scriptOfVue2(descriptor, id) : scriptOfVue3(descriptor, id);
	for (const style of descriptor.styles) {
		const css = compileStyle(style, filename, id);
		const imports = Array.from(css.matchAll(CSS_IMPORT), ([, name]) => `import "${name}";`);
		lines.push(...imports, setStyle(css.replace(CSS_IMPORT, "")));
	}
	return [...lines, "export default component;"].join("\n");
}

function parseVue2(source, filename) {
	return { descriptor: sfc.parse({ source, filename, sourceMap: false }) };
}

function scriptOfVue2(descriptor, id) {
	const { code } = sfc.compileTemplate({
		source: descriptor.template.content,
		filename: descriptor.filename,
		isProduction: true,
	});
	return [
		scriptWithoutTemplate(descriptor, id),
		code,
		"Object.assign(component, { render, staticRenderFns });",
		`component._scopeId = "data-v-${id}";`,
	];
}

function scriptOfVue3(descriptor, id) {
	const scopeId = `data-v-${id}`;
	const scoped = descriptor.styles.some((style) => style.scoped);
	const options = { id, scoped, compilerOptions: scoped ? { scopeId } : {} };
	const mark = scoped ? [`component.__scopeId = "${scopeId}";`] : [];
	if (descriptor.scriptSetup) {
		const script = sfc.compileScript(descriptor, { id, inlineTemplate: true, templateOptions: options });
		return [sfc.rewriteDefault(script.content, "component"), ...mark];
	}
	const { filename, template } = descriptor;
	const { code } = sfc.compileTemplate({ ...options, filename, source: template.content });
	return [scriptWithoutTemplate(descriptor, id), code, "component.render = render;", ...mark];
}

function scriptWithoutTemplate(descriptor, id) {
	if (!descriptor.script) {
		return "const component = {};";
	}
	return sfc.rewriteDefault(sfc.compileScript(descriptor, { id }).content, "component");
}

function compileStyle(style, filename, id) {
	const source = style.lang === "scss" ? sass.compileString(style.content, sassOptions).css : style.content;
	return sfc.compileStyle({ source, filename, id: `data-v-${id}`, scoped: style.scoped }).code;
}

const sassOptions = {
	loadPaths: [modules, ...appFolders],
	importers: [
		{
			findFileUrl: (url) =>
				url.startsWith("~") ? pathToFileURL(path.join(modules, url.slice(1))) : null,
		},
	],
	logger: sass.Logger.silent,
};

// A script that imports a stylesheet puts it into the page itself: nobody would load a second file.
const stylesOfScripts = {
	name: "styles-of-scripts",
	setup(build) {
		build.onLoad({ filter: /\.css$/ }, (args) => ({ contents: setStyle(fs.readFileSync(args.path, "utf8")) }));
	},
};

function setStyle(css) {
	return `frappe.dom.set_style(${JSON.stringify(css)});`;
}

const stylesheets = (processors) => ({
	name: "stylesheets",
	setup(build) {
		build.onResolve({ filter: /^\/assets\// }, (args) => ({ path: args.path, external: true }));
		build.onLoad({ filter: /\.(scss|css)$/ }, async (args) => {
			const isSass = args.path.endsWith(".scss");
			const source = isSass ? sass.compile(args.path, sassOptions).css : fs.readFileSync(args.path, "utf8");
			const { css } = await postcss(processors).process(source, { from: args.path, map: false });
			return { contents: css, loader: "css", resolveDir: path.dirname(args.path) };
		});
	},
});

function findBundles(folder) {
	if (!fs.existsSync(folder)) {
		return [];
	}
	return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		const found = path.join(folder, entry.name);
		if (entry.isDirectory()) {
			return ["node_modules", "dist"].includes(entry.name) ? [] : findBundles(found);
		}
		return /\.bundle\.(js|ts|css|scss)$/.test(entry.name) ? [found] : [];
	});
}

// Returns {"desk.bundle.js": "js/desk.bundle.HASH.js", ...}.
async function bundle(files, folder, plugins) {
	const entryPoints = files.map((file) => ({ in: file, out: path.parse(file).name }));
	const { metafile } = await esbuild.build({
		entryPoints,
		entryNames: "[name].[hash]",
		outdir: path.join(target, folder),
		absWorkingDir: target,
		bundle: true,
		metafile: true,
		sourcemap: true,
		minifySyntax: true,
		target: ["es2017"],
		nodePaths: [modules, ...appFolders],
		define: {
			"process.env.NODE_ENV": '"production"',
			__VUE_OPTIONS_API__: "true",
			__VUE_PROD_DEVTOOLS__: "false",
		},
		plugins,
		logLevel: "error",
	});
	const built = Object.entries(metafile.outputs).filter(([, output]) => output.entryPoint);
	return Object.fromEntries(
		built.map(([file, output]) => [path.parse(output.entryPoint).name + path.extname(file), file])
	);
}

async function main() {
	const files = findBundles(path.join(apps, app, app, "public"));
	const styleFiles = files.filter((file) => /css$/.test(file));
	const scriptFiles = files.filter((file) => !/css$/.test(file));
	const [scripts, sheets, rtlSheets] = await Promise.all([
		bundle(scriptFiles, "js", [templates, vueComponents, stylesOfScripts]),
		bundle(styleFiles, "css", [stylesheets([autoprefixer])]),
		bundle(styleFiles, "css-rtl", [stylesheets([rtlcss, autoprefixer])]),
	]);
	const addresses = (bundles, prefix) =>
		Object.fromEntries(
			Object.entries(bundles).map(([name, file]) => [prefix + name, `${address}/${file}`])
		);
	const written = {
		assets: addresses({ ...scripts, ...sheets }, ""),
		"assets-rtl": addresses(rtlSheets, "rtl_"),
	};
	fs.writeFileSync(path.join(target, "bundles.json"), JSON.stringify(written, null, 1));
}

main().catch((error) => {
	process.stderr.write(`${error.message}\n`);
	process.exit(1);
});
