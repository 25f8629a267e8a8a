"""Rewrite the syntax tree of a template so that the sandbox counts all costly steps."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.parser import Parser
from jinja2.visitor import NodeTransformer

MAX_SOURCE = 200_000  # characters
MAX_DEPTH = 60  # of the tree: Python's compiler nests little deeper
MAX_LOOPS = 10
MAX_TAGS = 2000
_TAG = re.compile(r"\{[{%]")


def parse_template(
    environment: Environment, source: str, name: str | None, filename: str | None
) -> nodes.Template:
    """Parse a template. Raises TemplateSyntaxError, also for one that is too long or too deep."""

    def error(message: str, line: int) -> TemplateSyntaxError:
        return TemplateSyntaxError(message, line, name, filename)

    if len(source) > MAX_SOURCE:
        raise error(f"the text is longer than {MAX_SOURCE:,} characters", 1)
    if excess := next(islice(_TAG.finditer(source), MAX_TAGS, None), None):
        message = f"the text has more than {MAX_TAGS:,} {{{{ values }}}} and {{% statements %}}"
        raise error(message, source.count("\n", 0, excess.start()) + 1)
    parser = Parser(environment, source, name, filename)
    try:
        tree = parser.parse()
    except RecursionError:
        raise error("nested too deeply", parser.stream.current.lineno) from None
    except ValueError:  # Python reads no integers of more than 4300 digits
        raise error("the number has too many digits", parser.stream.current.lineno) from None
    if deep := _find_deep_node(tree):
        raise error("nested too deeply", deep.lineno)
    return tree


def _find_deep_node(tree: nodes.Template) -> nodes.Node | None:
    pending: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    while pending:
        node, depth, loops = pending.pop()
        loops += isinstance(node, nodes.For)
        if depth > MAX_DEPTH or loops > MAX_LOOPS:
            return node
        pending += ((child, depth + 1, loops) for child in node.iter_child_nodes())
    return None


class CountingCodeGenerator(CodeGenerator):
    """Write calls of the environment's own methods as plain calls."""

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        if not isinstance(node.node, nodes.EnvironmentAttribute):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(node.node, frame)
        self.write("(")
        for argument in node.args:
            self.visit(argument, frame)
            self.write(", ")
        self.write(")")


class CountingTransformer(NodeTransformer):
    """Route loops, comparisons, concatenations and new lists through the environment.

    Filters, tests, calls and arithmetic go through the environment anyway.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.iter = self._call("counted", node.iter)
        return self._count_body(node)

    def visit_body(self, node: Any) -> nodes.Node:
        """Count each time that the body runs."""
        self.generic_visit(node)
        return self._count_body(node)

    visit_Template = visit_Macro = visit_CallBlock = visit_Block = visit_body

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        parts: list[nodes.Expr] = []
        for operand in node.ops:
            parts += (nodes.Const(operand.op, lineno=node.lineno), operand.expr)
        return self._call("compare", node.expr, *parts)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return self._call("join_texts", *node.nodes, lineno=node.lineno)

    def visit_container(self, node: Any) -> nodes.Node:
        """Count the elements of a new list or mapping."""
        self.generic_visit(node)
        is_target = isinstance(node, nodes.Tuple) and node.ctx != "load"
        return node if is_target else self._call("collected", node)

    visit_List = visit_Tuple = visit_Dict = visit_container

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = self._call("measured", node.node)
        return node

    def _call(self, method: str, *arguments: Any, lineno: int = 0) -> nodes.Call:
        environment, line = self._environment, lineno or arguments[0].lineno
        function = nodes.EnvironmentAttribute(method, lineno=line, environment=environment)
        return nodes.Call(
            function, list(arguments), [], None, None, lineno=line, environment=environment
        )

    def _count_body(self, node: Any) -> nodes.Node:
        parts = [inner for part in node.body for inner in part.find_all(nodes.Node)]
        texts = sum(len(part.data) for part in parts if isinstance(part, nodes.TemplateData))
        number = nodes.Const(len(parts) + texts // 100, lineno=node.lineno)
        call = self._call("count", number, lineno=node.lineno)
        node.body.insert(0, nodes.ExprStmt(call, lineno=node.lineno))
        counted: nodes.Node = node
        return counted
