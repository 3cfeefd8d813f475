# ruff: noqa: E501 - a table of quotations, one a line
"""The five regulations' rules, R001 to R072, in both languages as the portal quotes them.

A rulebook cites them as its sources. Chinese is the language of the trade; both say what the regulation says.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirement:
    """One rule of a regulation: its id, the article it stands in, its wording."""

    id: str
    article: str
    zh: str
    en: str

    def of(self, language: str) -> str:
        """The wording in a language; Chinese unless it is English."""
        return self.en if language.lower().startswith("en") else self.zh

    def article_in(self, language: str) -> str:
        """Where it stands, by the regulation's own headings; translated for an English page."""
        article = self.article
        if language.lower().startswith("en"):
            for chinese, english in _HEADINGS:
                article = article.replace(chinese, english)
        return article


_HEADINGS = (
    ("故障处理", "Fault management"),
    ("过失处理", "Fault approach"),
    ("档案管理", "File management"),
    ("档案", "Files"),
    ("依据", "Basis"),
    ("流程", "Process"),
    ("跟踪", "Tracking"),
    ("保存", "Retention"),
    ("、", ", "),
    ("一", "I"),
    ("二", "II"),
    ("三", "III"),
    ("四", "IV"),
)
"""The longer ones first."""


_TABLE = """
R001|S0.1|领导建立服务体系和激励机制，员工达标或不达标有奖有罚；依据：考核记录。|Leaders set up a service system and incentives; staff who meet or miss the standard are rewarded or punished, on the appraisal record.
R002|S0.2|服务人员须有 5 年本行业经验、大专以上学历、专业知识和自学能力；依据：人员档案。|Service staff have 5 years in the trade, a college degree or above, knowledge and the ability to learn; shown by the staff profile.
R003|S0.3|服务人员每次服务后留工作记录，每月向领导报告；未履职并引起客户投诉的予以处罚。|Staff write a record after each service and report monthly; duty not done with a customer complaint is punished.
R004|S0.4|24 小时服务热线，问题 4 小时内响应。|24-hour hotline; response to a problem within 4 hours.
R005|S0.5|送货上门按路程与客户约定时间，不超过客户要求；延误按天赔偿。|Delivery at a time agreed by distance, never beyond the customer's requirement; delay is compensated by the day.
R006|S0.6|一般 7 天内交货；特殊延误立即告知客户。|Delivery normally within 7 days; a special delay is told to the customer at once.
R007|S0.7|来访客户由专人全程陪同，安排食宿、联系和返程；接待被投诉的罚款。|Visiting customers have one named escort, lodging, contacts and return tickets; a complaint about reception costs a fine.
R008|S0.8|计划走访：高级人员至少每半年一次，普通人员至少每月一次；依据：计划和走访记录。|Planned visits: senior staff at least every half-year, ordinary staff at least monthly; shown by plan and visit record.
R009|S0.9|应客户要求，一个月内提供免费技能培训（技术、销售）。|On request, free skills training (technical, sales) within one month.
R010|S0.10|免费质量检测，收到产品后 24 小时内告知结果。|Free quality test; the result within 24 hours of receiving the product.
R011|S0.11|协助处理客户市场的质量投诉：收到后 24 小时内答复，一个月内办结。|Help with quality complaints in the customer's market: reply within 24 hours, handled within one month.
R012|S0.12|合作开始后 10 天内按合同提供市场服务资料（手册、宣传册）。|Within 10 days of the start of cooperation, market services (manuals, brochures) by contract.
R013|S0.13|应客户要求，20 天内协助制定营销推广方案。|On request, help with a marketing plan within 20 days.
R014|S0.14|终端用户：合作后 10 天内指导使用，跟踪使用，每季度向领导报告。|End users: guidance within 10 days of cooperation, usage tracking, a quarterly report to leadership.
R015|S0.15|员工言行、态度或服务不当，经核实造成公司损失：第一次警告，第二次罚款，第三次立即辞退。|Improper words, behaviour or service, verified, with harm to the company: first a warning, second a fine, third dismissal at once.
R016|S1.1-3|目的：客户满意；范围：公司售出的产品；销售部负责，其他部门和车间配合。|Purpose: satisfaction; scope: products sold; the sales department answers, the others cooperate.
R017|S1.4.1|来访、来信、来电及时登记；投诉填写客户意见；即时答复；重大或疑难问题 4 小时内答复。|Visits, letters and calls are registered in time; complaints filled in; answered at once; major or difficult ones within 4 hours.
R018|S1.4.2|重点产品、大型产品或紧急情况：本地及周边 4 小时、国内其他地区 24 小时、偏远地区 5 天内到达现场，直至故障排除、设备完全恢复。|Key product, large product or emergency: on site within 4 hours nearby, 24 hours elsewhere in the country, 5 days in hard-to-reach areas; staff stay until it is fully restored.
R019|S1.4.3|合同或客户要求的，派员协调安装、提供技术服务并参加安装验收。|Where contract or customer requires it, staff coordinate installation and join its acceptance.
R020|S1.4.4A-B|服务人员充分听取、准备、一次解决；到达和离开向部长报告，重大问题即时请示。|Staff listen, prepare, solve in one go; report on arrival and departure; major problems are asked about at once.
R021|S1.4.4C-E|讲解安装、调试、使用和保养；填写售后服务报告并由客户签署意见；未完成的继续到客户满意。|Installation, use and maintenance are explained; a service report with the customer's opinion; continued until satisfied.
R022|S1.4.5|需要其他部门配合的，向其负责人书面或口头提出，优先办理。|Requests to other departments go to their head, who gives them priority.
R023|S1.4.6|三包一赔：包修、包退、包换，因制造质量造成重大损失的按规定赔偿。|Repair, return, replace; large losses from manufacturing quality are compensated.
R024|S1.4.6.1|保内易损、缺件、坏件：销售开领料单，生产负责人审核签字，仓库领取，无库存即通知，按客户要求运输。|Wear, missing or bad parts in guarantee: picking list, review, collection, notice where out of stock, suitable transport.
R025|S1.4.6.2-3|保内重要零件损坏原则上以旧换新；配件供应由销售与客户商定。|Important parts that fail in guarantee are exchanged old for new; supply agreed with the customer.
R026|S1.4.6.4|寄发配件须开出门证并登记，保存邮寄凭证。|Parts are sent with a departure permit and a register entry; the stub is kept.
R027|S1.4.7-8|应要求及时培训，听取建议；销售部整理意见和质量信息，提出改进。|Timely training on request; opinions and quality information are sorted and improvements proposed.
R028|S1.4.9.1|服务档案：来访来信来电原始记录、客户意见表、售后服务报告、配件寄发登记和凭证、工作联系单和往来函件。|The service file holds original records, opinion form, service report, parts register and stubs, correspondence.
R029|S1.4.9.2|档案完整及时，分类、汇总、装订成册。|Files are complete and timely, classified, summarised and bound.
R030|S2 依据 1-3|以国家标准为依据；责任难以区分的，公司与经销商共同协作、共担风险；确属质量问题的，公司只承担退换货中的质量部分。|National standards are the basis; where liability cannot be separated, company and dealer share the risk; for a confirmed quality fault the company bears only the quality share.
R031|S2 流程 1|经销商售后负责人第一时间受理投诉，24 小时内答复；不能处理的，48 小时内上报公司客服部共同处理。|The dealer takes the complaint at the first moment and responds within 24 hours; what it cannot handle goes to company customer service within 48 hours.
R032|S2 流程 2a|经销商保证所辖区域的投诉得到及时处理。|The dealer ensures timely handling in its area.
R033|S2 流程 2b|故意拖延、媒体曝光、损害品牌或声誉的，公司可没收品牌保证金、取消当地经销权、要求赔偿并追究法律责任。|Deliberate delay, media exposure or damage to the brand: the company may confiscate the brand margin, cancel the franchise, claim compensation and go to law.
R034|S2 流程 3a|上报材料须真实并包括：产品验收单、安装环境检测及过程控制表、铺装质量验收单、售后登记表、现场照片、客户投诉调查表、送货单、勘查报告。|The report to the company is authentic and holds eight documents: acceptance, environment and process control, laying quality, registration form, site photos, investigation report, delivery note, survey report.
R035|S2 流程 3b|经查证弄虚作假的，取消经销商资格并没收品牌保证金。|Falsehood proven: the dealer is disqualified and the brand margin confiscated.
R036|S2 流程 3c|区域经理协助造假的，予以辞退并扣除全部提成；国内渠道经理和大区经理承担管理责任。|A regional manager who assists fraud is dismissed and forfeits all commission; channel and district manager carry management responsibility.
R037|S2 流程 4|经销商或下属门店不及时处理消费者质量投诉的，由上级代为处理，全部费用由下级承担。|Where a dealer or its store does not handle a complaint in time, the superior does; the subordinate bears all cost.
R038|S2 故障处理|售后问题被媒体、工商、质监或消协曝光的，区域经理辞退或扣除当期全部提成；国内分销经理和大区经理承担管理责任。|Exposure by media, authorities or consumer association: the area manager is dismissed or loses all current commission; the superiors carry management responsibility.
R039|S2 档案 0|全国实行终端客户回访制度，区域经理和经销商须全力配合。|A nationwide return-visit system; regional managers and dealers cooperate fully.
R040|S2 档案 1|经销商将所有服务客户的档案整理上报客服部，客服部对终端客户 100% 回访。|Dealers compile all served customers' files; customer service visits 100 % of end customers.
R041|S2 档案 2a|经销商每月 5 日前将上月客户档案报区域经理。|The dealer submits last month's files to its regional manager by the 5th of each month.
R042|S2 档案 2b|区域经理每月 8 日前将所辖区域上月客户档案汇总报公司客服部。|The regional manager submits the region's consolidated files to customer service by the 8th.
R043|S2 档案管理 1|一户一档，统一电子格式；有投诉的建立卷宗：客户投诉登记表、现场勘查报告、售后服务处理确认单，办结后归档。|One archive for each customer in a uniform electronic format; a complaint's folder holds registration form, site investigation report and service confirmation form.
R044|S2 档案管理 2|妥善保管，不得遗失，借阅归还原位，专人专处保管。|Kept carefully, nothing lost, borrowed items returned, at a set place by a designated custodian.
R045|S2 跟踪 1|客服部依电子档案及时 100% 回访；不满意或存疑的退回经销商；经销商沟通至客户满意；结果反馈客服部。|Customer service visits 100 % promptly; unsatisfied or doubtful records go back to the dealer, who communicates until the customer is satisfied; the result is fed back.
R046|S2 过失处理 1|区域经理未上报客户档案的，扣当期提成 10% 并通报批评；上级大区经理和国内渠道经理承担管理责任。|A regional manager who does not report customer profiles loses 10 % of the current commission with public criticism; the superiors carry management responsibility.
R047|S2 过失处理 2|经销商未上报的，取消其后续一切营销政策支持。|A dealer who does not report loses all later marketing policy support.
R048|S2 过失处理 3|统一表格须填写姓名、地址、电话、产品型号、购买时间、购买区域等。|The unified form shows name, address, phone, product model, purchase time, purchase area and others.
R049|S2 保存 1-3|产品验收单、安装环境检测及过程控制表、铺装质量验收单：经销商和客服部保存 2 年。|Acceptance certificate, environment and process control table, laying quality certificate: at dealer and customer service, 2 years.
R050|S2 保存 4-6|客户投诉登记表、客户投诉调查表、售后服务处理确认单：营销总部长期保存。|Complaint registration form, investigation report, service confirmation form: at marketing headquarters, permanently.
R051|S3.一、二.0|规范服务，提高满意度、信任度和市场占有率；外购件执行供方服务承诺。|Standard service, satisfaction, trust, market share; third-party items follow the supplier's promise.
R052|S3.二.1-2|保内：制造、装配、材料问题免费维修或供件；保外：销售中心报价后快速修复至满意。|In warranty: free repair or parts; out of warranty: a quotation, then fast repair to satisfaction.
R053|S3.二.3-5|合同约定的安装、调试、用户培训按时完成；定期走访重点区域和客户，收集意见；推广产品和配件。|Installation, commissioning and training in the stated time; regular visits to key regions; opinions collected; products promoted.
R054|S3.三.1-3|以用户满意为准，不与用户争吵；耐心解答，解答不了的说明并立即报总部；文明礼貌、积极主动。|Satisfaction is the test, no quarrels; patient answers, what cannot be answered goes to headquarters at once; civil and proactive.
R055|S3.三.4|接到服务信息 24 小时内答复，按用户要求时间到达现场，信守承诺。|Reply within 24 hours of service information; on site within the customer's time; promises kept.
R056|S3.三.5-6|不向用户索要钱物或提无理要求；判断准确、维修及时，同一问题不重复维修。|No money, goods or unreasonable demands; accurate judgement, timely repair, no repeat repair.
R057|S3.三.7|完工后填写售后服务报告单，用户须填写售后服务满意度调查表。|After the job: the service report; the user fills the satisfaction survey.
R058|S3.三.8-9|外购产品由总部售后通过采购要求外协厂解决；重大质量问题反馈相关部门。|Outsourced items are solved by the outside factory through purchasing; major quality problems are fed back.
R059|S3.三.10|建立来电来信登记、派工记录、费用等报表。|Register of calls and letters, dispatch records, cost and other reports.
R060|S3.四.1|用户以电话、信函或当面反映服务行为不良或不满意，即为投诉。|A complaint is a user's report of poor conduct or dissatisfaction by call, letter or in person.
R061|S3.四.2|经核实与用户争吵、索要钱物、因个人原因不及时或重复维修的，记大过一次并采取措施挽回影响。|Verified quarrel, asking for goods, delay or repeat repair for personal reasons: one major demerit and measures to recover.
R062|S3.四.3|费用真实合法、票据与出差地相符，否则不予报销；弄虚作假的记过、记大过、辞退直至追究法律责任。|Expenses true and lawful with matching receipts, else not reimbursed; fraud: demerit, major demerit, dismissal, up to liability.
R063|S3.四.4|配件流程：需求、公司采购和发货进度、与用户确认收货。|Parts: demand, purchase and shipping progress, receipt confirmed with the user.
R064|S3.四.5a|用户、业务员或代理来函：分析、处理、答复或提出处理意见。|Letters from users, salesmen or agents: analysed, handled, replied to.
R065|S3.四.5b|每月初将上月往来函件按月份、用户或产品归档；年终汇总装订保存。|Each month's start: last month's letters filed; each year's end: summarised, bound, kept.
R066|S3.四.6|每月 4 日前向企管室报送：安装调试人次、天数和费用，派出人员，材料，运输，合计及月度服务项目报表。|Before the 4th of each month: installation person-times, days and cost, dispatched staff, material, transport, total, monthly service project report.
R067|S4.1|规范流程，使能力与业务相适应；适用于全部服务和人员：售前咨询、售中服务、主动售后、持续联系。|A standard process for all services and staff: pre-sales, in-sales, active after-sales, constant contact.
R068|S4.2.1|售前部门调研需求、推广销售、熟悉产品，记录并反馈。|Pre-sales researches needs, promotes and sells, knows the products, records and feeds back.
R069|S4.2.2-3|客户需求详细记录、明确无偏差；需要样品的提供，模具费由客户承担，达到订量后退还；报价实事求是。|Requirements recorded without deviation; samples supplied, mould fee refundable; quotations realistic.
R070|S4.3.1-2|销售服务部负责合同、订单和交付，执行准确、及时反馈进度、按时交货。|Sales service handles contracts, orders and delivery; accurate, timely feedback, on time.
R071|S4.4.1-3|各阶段专人负责；售后解决使用问题并主动服务；电话、邮件、上门，工程师全面细致解答。|Each stage has a dedicated person; after-sales solves problems and offers service; engineers answer in detail.
R072|S4.5.1|客户关系部负责沟通、了解需求和售后调查，及时定期联系，尽力满足意见和建议。|Customer relations communicates, surveys and keeps prompt, regular contact, and tries to meet opinions.
"""

REQUIREMENTS: dict[str, Requirement] = {
    line[:4]: Requirement(*line.split("|")) for line in _TABLE.strip().splitlines()
}
